"""``docs/signals.md``: its commands run, its tables are settings, its expressions compile."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from operators.signals.examples import EXAMPLES
from operators.signals.expression import Expression
from operators.signals.settings import StrategySettings
from tests.engine.running import command
from tests.references.indicators.quotes import HERE
from trademaster.settings import Settings

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "signals.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"))
def test_tables_are_settings(block: str) -> None:
    settings = Settings(**tomllib.loads(block)).signals
    assert settings.strategies
    assert Settings.model_validate(Settings(signals=settings).model_dump(mode="json")).signals == settings, "what a worker gets"


@pytest.mark.parametrize("expression", [line for block in blocks("cel") for line in block.splitlines()])
def test_expressions_compile(expression: str) -> None:
    Expression(expression, "condition")


def test_strategies_that_ship_stand_there_whole() -> None:
    shown = next(block for block in blocks("toml") if 'name = "breakout"' in block)
    tables = tomllib.loads(shown)["signals"]["strategies"]
    assert {table["name"]: StrategySettings(**table) for table in tables} == EXAMPLES


def test_the_first_command_runs() -> None:
    line = blocks("console")[0].splitlines()[0].replace("bars.csv", shlex.quote(str(HERE / "default.csv")))
    done = subprocess.run(command(*shlex.split(line)[1:]), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    topics = [msgspec.json.decode(line)["topic"] for line in done.stdout.splitlines()]
    assert topics.count("market.indicators") == 502
    assert 5 < topics.count("signals") < 100
    assert set(topics) == {"market.indicators", "signals"}
