"""The flow of ``docs/extending.md`` is the one in ``examples/``, runs as the document says, and is as exact as ours after a restart."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict, deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.own import EventType, Step, event, flow
from flows.own_checks import check_event
from schemas.control import Limit
from schemas.errors import OwnFlowError
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
        ("./breakout.py:FLOW", "expected MODULE:NAME such as breakout:FLOW"),
        ("broken:FLOW", "importing it raised SyntaxError: invalid syntax (broken.py, line 1)"),
    ],
)
def test_a_name_that_is_no_flow(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "broken.py").write_text("def process(:")
    run = program(tmp_path, "pipe", name, lines="")
    assert run.returncode == 2
    assert found in run.stderr


BAR = {"symbol": "A", "start": 0, "end": 10**9, "interval": "1s", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "tradeCount": 1}
PLAIN = "expected a state of dicts, lists, texts and numbers"
OWN = """
from flows.own import Bar, EventType, Signal, Step, event, flow

class Mine(Step):
    def process(self, item):
        if isinstance(item, Bar):
            {body}
        return ()

FLOW = flow("mine", reads=["market.bars"], writes="signals", step=Mine)
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('my mistake')", "error: mine: process raised ValueError: my mistake (mine.py, line 7)"),
        ("return [1]", "error: mine: process: expected events, found int"),
        ("return [event(EventType.AUDIT, 'x', item, item.end)]", "error: mine: process: expected an event of signals, found AUDIT"),
        ("return [event(EventType.SIGNAL_GENERATED, 'x', item, item.end)]", "error: mine: process: expected a Signal in SIGNAL_GENERATED"),
        (
            "self.state['seen'] = [{1, 2}]",
            f"error: mine: {PLAIN}, found set at self.state['seen'][0]",
        ),
        ("self.state['me'] = self.state", f"error: mine: {PLAIN}, found one that holds itself"),
        ("self.state['x'] = chr(0xD800)", f"error: mine: {PLAIN}, found a text that is none"),
    ],
)
def test_a_mistake_at_work_is_told_with_its_place(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(OWN.format(body=body))
    run = program(tmp_path, "pipe", "mine:FLOW", lines=json.dumps({"topic": "market.bars", "value": BAR}) + "\n")
    assert run.returncode == 2
    assert run.stderr.startswith(said), "no panic of the engine before it"


def test_a_state_that_goes_wrong_late_is_refused_at_the_end_of_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.format(body="self.state['x'] = list(range(9_999)) if item.close < 4 else object()"))
    lines = "".join(json.dumps({"topic": "market.bars", "value": {**BAR, "close": close}}) + "\n" for close in range(1, 5))
    run = program(tmp_path, "pipe", "mine:FLOW", lines=lines)
    assert run.returncode == 2
    assert "found object at self.state['x']" in run.stderr


def test_a_state_that_would_come_back_as_something_else_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.format(body="self.state['seen'] = {'symbols': [{1, 2}]}"))
    bus = f"embedded:{tmp_path / 'bus'}"
    create_topics(bus)
    program(tmp_path, "ingest", "jsonl", "-", "--bus", bus, "--quiet", lines=json.dumps({"topic": "market.bars", "value": BAR}) + "\n")
    run = program(tmp_path, "run", "mine:FLOW", "--bus", bus, "--until-end", "--quiet")
    assert run.returncode == 2
    assert "found set at self.state['seen']['symbols'][0]" in run.stderr


def test_a_type_that_has_no_payload_yet_takes_any() -> None:
    known = Limit("L", "position", "firm", Decimal(1))
    check_event("mine", "analytics", event(EventType.ANALYTICS_UPDATE, "x", known, 0))
    with pytest.raises(OwnFlowError, match="expected an event of analytics"):
        check_event("mine", "analytics", event(EventType.AUDIT, "x", known, 0))


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("mine", "other"):
        (tmp_path / f"{name}.py").write_text(OWN.format(body="pass"))
    run = program(tmp_path, "pipe", "mine:FLOW", "other:FLOW", lines="")
    assert run.returncode == 2
    assert "other:FLOW: expected a name of its own, found 'mine'" in run.stderr


class _Mine(Step): ...


GOOD: dict[str, Any] = {"name": "mine", "reads": ["market.bars"], "writes": "signals", "step": _Mine}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "a.b"}, "expected a name without dots"),
        ({"reads": "market.bars"}, "expected a list of topics"),
        ({"reads": ["signal"]}, "expected one of the topics, found 'signal'"),
        ({"writes": "market.ticks"}, "expected a topic of events, found 'market.ticks'"),
        ({"step": Path}, "expected a class that extends Step, found Path"),
    ],
)
def test_a_flow_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    assert flow(**GOOD).row.name == "mine"
    with pytest.raises(OwnFlowError, match=said):
        flow(**{**GOOD, **wrong})
