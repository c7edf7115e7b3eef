"""``docs/risk.md``: its examples say what stands beneath them, and its tables name every rule and every field."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas.control import Rule
from schemas.control_checks import SCOPES_OF_RULE
from schemas.risk import ExposureUpdate
from tests.engine.running import command

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "risk.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\ntrademaster (pipe [^<\n]*)<<'LINES'\n(.*?)LINES\n```.*?```text\n(.*?)```", PAGE, re.DOTALL)
NOT_EXPLAINED = {"scope", "account", "currency", "equity", "version", "reason"}


def line_of(event: dict[str, Any]) -> str:
    payload = event["payload"]
    return f"{event['header']['timestamp'][11:19]} {event['header']['eventType']} {payload.get('alertId') or payload['reason']}"


@pytest.mark.parametrize(("arguments", "lines", "said"), EXAMPLES)
def test_examples_say_what_stands_beneath_them(arguments: str, lines: str, said: str) -> None:
    run = subprocess.run(command(*shlex.split(arguments)), input=lines, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    records = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line_of(record["value"]) for record in records if record["topic"] == "risk.alerts"] == said.splitlines()
    assert not [record for record in records if record["topic"] == "dead.letters"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("<<'LINES'") == 2


def rows(heading: str) -> list[list[str]]:
    table = PAGE.split(heading)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_table_of_rules_has_each_with_its_scopes() -> None:
    found = {name: scopes for names, _, _, scopes in rows("| rule |") for name in re.findall(r"`(\w+)`", names)}
    assert list(found) == list(dict.fromkeys(found))
    assert set(found) == set(Rule.__args__)  # type: ignore[attr-defined]
    for rule, scopes in found.items():
        allowed = SCOPES_OF_RULE.get(rule)
        assert (set(scopes.split(", ")) if scopes != "all" else None) == (set(allowed) if allowed else None), rule


def test_the_table_of_exposure_has_each_field() -> None:
    found = {name for names, *_ in rows("| field |") for name in re.findall(r"`(\w+)`", names)}
    assert found == {field for field in ExposureUpdate.__struct_encode_fields__ if field not in NOT_EXPLAINED}
