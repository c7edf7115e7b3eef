"""The flow of ``docs/extending.md`` is the one in ``examples/``, runs as the document says, and is as exact as ours after a restart."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.running import create_topics, events, write_heartbeats, write_ticks
from trademaster.data import amzn_trades

ROOT = Path(__file__).parents[2]
TEXT = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)[1]  # type: ignore[index]
ROWS = np.concatenate([block.rows for block in amzn_trades()])[:4_000]
INTERVAL = ("--set", "market.intervals=4s")


def test_the_document_shows_the_example() -> None:
    assert (ROOT / "examples" / "breakout.py").read_text() == TEXT
    assert len([line for line in TEXT.splitlines() if line]) <= 20


def program(folder: Path, *arguments: str, lines: str | None = None) -> subprocess.CompletedProcess[str]:
    """A user who has the document's text in a file where he works."""
    (folder / "breakout.py").write_text(TEXT)
    command = [sys.executable, "-m", "trademaster", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=environment)


def expected(bars: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(end, action) of the signals that bars make, in other words than the example's."""
    closes: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=20))
    actions: defaultdict[str, str] = defaultdict(lambda: "flat")
    made: list[tuple[str, str]] = []
    for bar in bars:
        before, action = closes[bar["symbol"]], actions[bar["symbol"]]
        if len(before) == 20 and not min(before) <= bar["close"] <= max(before):
            action = "buy" if bar["close"] > before[-1] else "flat"
        if action != actions[bar["symbol"]]:
            made.append((bar["end"], action))
        actions[bar["symbol"]] = action
        before.append(bar["close"])
    return made


def test_it_says_the_same_in_a_pipe_and_after_a_restart(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    create_topics(bus)
    for half in (ROWS[:2_000], ROWS[2_000:]):
        write_heartbeats(bus, write_ticks(bus, [half]))
        run = program(tmp_path, "run", "market", "breakout:FLOW", "--bus", bus, "--until-end", "--quiet", *INTERVAL)
        assert run.returncode == 0, run.stderr
    bars, said = ([event["payload"] for event in events(bus, topic)] for topic in ("market.bars", "signals"))
    lines = "".join(json.dumps({"topic": "market.bars", "value": bar}) + "\n" for bar in bars)
    pipe = program(tmp_path, "pipe", "breakout:FLOW", lines=lines)
    assert pipe.returncode == 0, pipe.stderr
    piped = [json.loads(line)["value"]["payload"] for line in pipe.stdout.splitlines()]
    assert [(signal["barEnd"], signal["action"]) for signal in said] == expected(bars)
    assert piped == said
    assert len(said) > 5


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nowhere:FLOW", "expected a module 'nowhere' with a flow, found none"),
        ("breakout:NOTHING", "expected a Flow in breakout:NOTHING, found NoneType"),
        ("breakout:Breakout", "expected a Flow in breakout:Breakout, found type"),
    ],
)
def test_a_name_that_is_no_flow(tmp_path: Path, name: str, found: str) -> None:
    run = program(tmp_path, "pipe", name, lines="")
    assert run.returncode == 2
    assert found in run.stderr
