"""``docs/archive.md``: its commands give what stands beneath them, its programs run, its columns and settings are there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from schemas.archive.columns import schema_of
from schemas.topics import TOPICS
from tests.engine.running import command
from tests.operators import amzn
from trademaster.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_commands_give_what_stands_beneath_them_and_programs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(amzn.DATA / "amzn-trades-2012-06-21.csv", tmp_path / "trades.csv")
    assert len(EXAMPLES) == len(blocks("sh")) == 2
    for lines, said in EXAMPLES:
        done = [run(line, tmp_path) for line in lines.splitlines()]
        assert done[-1] == said
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    for program in blocks("python"):
        exec(program, {"partition": 0, "start_ns": 0, "end_ns": 2**63 - 1})


def run(line: str, folder: Path) -> str:
    words = shlex.split(line)
    assert words[0] == "trademaster"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(command(*words[1:]), cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_columns_are_those_of_the_files() -> None:
    table = PAGE.split("| column |")[1].split("\n\n")[0]
    named = {name for line in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])}
    assert named <= {name for topic in TOPICS for name in schema_of(topic).names}
    assert {name for name in schema_of("market.ticks").names if name.startswith("bus_") or name == "time"} <= named


def test_settings_are_settings() -> None:
    for block in blocks("toml"):
        Settings(**tomllib.loads(block))
    for name in re.findall(r"`archive\.([a-z_]+)`", PAGE):
        assert hasattr(Settings().archive, name), name
