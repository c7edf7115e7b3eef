"""The command line: every command has help and a page, errors say what to do, and help is quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trademaster import docs
from trademaster.cli import main
from trademaster.cli.commands import COMMANDS, ROOT
from trademaster.cli.reference import commands, help_of

ROOT_FOLDER = Path(__file__).resolve().parents[2]
ALL = dict(commands())


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as a person starts it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRADEMASTER_")}
    return subprocess.run(
        [sys.executable, "-m", "trademaster", *arguments],
        capture_output=True,
        text=True,
        env={**clean, "PYTHONPATH": str(ROOT_FOLDER), **environment},
        cwd=cwd,
        timeout=120,
        check=False,
    )


def test_the_pages_are_what_the_program_says() -> None:
    stale = [name for name, text in docs.pages().items() if (docs.FOLDER / name).read_text() != text]
    assert not stale, f"run `python -m trademaster.docs`; stale: {stale}"


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_and_a_page(path: str) -> None:
    command = ALL[path]
    assert command.help, f"{path} has no help"
    assert f"# {path}\n" in (docs.FOLDER / "cli.md").read_text()
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_each_command_says(name: str) -> None:
    assert ALL[f"trademaster {name}"].help.strip().splitlines()[0] == COMMANDS[name]


def test_every_file_of_a_command_is_in_the_table() -> None:
    no_commands = {"__init__", "commands", "options", "reference"}
    assert {path.stem for path in (ROOT_FOLDER / "trademaster" / "cli").glob("*.py")} - no_commands == set(COMMANDS)


def test_an_option_means_the_same_everywhere() -> None:
    meanings: dict[str, set[str]] = {}
    for command in ALL.values():
        for parameter in command.params:
            for option in parameter.opts:
                if option in {"--bus", "--set", "--config", "--columns", "--symbol", "--time-zone"}:
                    meanings.setdefault(option, set()).add(parameter.help)
    assert {option: len(texts) for option, texts in meanings.items()} == dict.fromkeys(meanings, 1)


HEAVY = {"bytewax", "confluent_kafka", "llvmlite", "numba", "numpy", "polars", "prometheus_client", "rich", "sqlalchemy", "structlog"}
# Pydantic is not among them: typer itself converts the values of options with it.


def imported_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT_FOLDER, timeout=120, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_help_imports_nothing_heavy() -> None:
    # Counted, not timed: a clock fails on a busy machine, an import fails everywhere.
    for arguments in ([], ["--help"], ["run", "--help"], ["pipe", "--help"], ["ingest", "csv", "--help"], ["--version"]):
        found = imported_by(f"from trademaster.cli import execute; assert execute({arguments!r}) == 0") & HEAVY
        assert not found, f"`trademaster {' '.join(arguments)}` imports {sorted(found)}"


def test_help_names_every_command_without_importing_it() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (["rn"], "'rn'", "trademaster run"),
        (["run"], "FLOW", "trademaster run --help"),
        (["run", "market", "--processes", "many"], "--processes", "--help"),
        (["settings", "show", "--set", "market.interval=4s"], "did you mean market.intervals?", "settings show"),
        (["settings", "show", "--config", "/nowhere/else.toml"], "/nowhere/else.toml", "TOML"),
        (["tail", "market.bar"], "market.bar", "market.bars"),
        (["pipe", "market", "--columns", "Time"], "--columns", "FIELD=COLUMN"),
        (["ingest", "simulate", "--duration", "5"], "--duration", "30s"),
        (["ingest"], "Usage", "simulate"),
    ],
)
def test_wrong_usage_exits_2_says_what_and_hints_on_stderr(arguments: list[str], says: str, hint: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bus_out_of_reach_exits_1_without_a_traceback() -> None:
    done = run("topics", "list", "--bus", "kafka://127.0.0.1:1", "--set", "bus.patience=1s")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_what_nobody_foresaw_is_one_line_and_a_traceback_only_when_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("of a test")

    monkeypatch.setattr(ROOT, "main", fail)
    with pytest.raises(SystemExit, match="1"):
        main(["doctor"])
    assert capsys.readouterr().err.startswith("error: unexpected ZeroDivisionError: of a test\nhint: ")
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "doctor"])


def test_settings_show_says_where_each_value_came_from(tmp_path: Path) -> None:
    (tmp_path / "trademaster.toml").write_text('[market]\nintervals = ["5s"]\nquiet_after = "2s"\n')
    done = run("settings", "show", "--json", "--set", "market.lateness=1s", cwd=tmp_path, TRADEMASTER_MARKET__QUIET_AFTER="3s")
    shown = json.loads(done.stdout)
    assert shown["market.intervals"] == {"value": ["5s"], "origin": "trademaster.toml"}
    assert shown["market.quiet_after"] == {"value": "3s", "origin": "TRADEMASTER_MARKET__QUIET_AFTER"}
    assert shown["market.lateness"] == {"value": "1s", "origin": "--set"}
    assert shown["engine.processes"] == {"value": 1, "origin": "default"}


def test_help_of_a_command_is_what_its_page_shows() -> None:
    assert help_of("trademaster tail", ALL["trademaster tail"]) in (docs.FOLDER / "cli.md").read_text()
