"""A flow of one's own hears what stands on any topic: in a pipe, within the run that writes it, and from a bus."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import TOPICS
from tests.engine.running import command, create_topics, events
from tests.flows.risk_lines import Line, fill, limit, line, opened, trade

FLOWS = ("market", "orders", "paper", "portfolio", "signals", "risk")
SETTINGS = ("--set", "market.intervals=1s", "--set", "signals.strategies=[\"up: close > open ? 'buy' : last\"]")
LISTENER = """
from flows.own import Bar, Event, EventType, Signal, Step, event, flow
from schemas.topics import TOPICS

class Listener(Step):
    def process(self, item):
        if isinstance(item, Bar):
            yield self.told(f"bar {item.symbol} {item.end}", item.end)
        elif isinstance(item, Event):
            yield self.told(item.header.event_id, item.time_ns, type(item.payload).__name__)

    def told(self, event_id, time, kind="Bar"):
        return event(EventType.ANALYTICS_UPDATE, event_id, Signal(event_id, kind, "flat", 1.0, 0.0, "", {}, None), time)

FLOW = flow("listener", reads=[topic for topic in TOPICS if topic != "analytics"], writes="analytics", step=Listener)
"""


@pytest.fixture
def listener(tmp_path: Path) -> Path:
    (tmp_path / "listener.py").write_text(LISTENER)
    return tmp_path


def run(folder: Path, *arguments: str, lines: list[Line] | None = None) -> subprocess.CompletedProcess[str]:
    text = "".join(json.dumps(one) + "\n" for one in lines or ())
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": str(Path(sys.executable).parent), "HOME": str(Path.home())}
    done = subprocess.run(
        command(*arguments), input=text, capture_output=True, text=True, timeout=180, check=False, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done


DAY: list[Line] = [
    opened(cash="10000"),
    line("control.instruments", symbol="X", initialMargin="0.5", maintenanceMargin="0.25"),
    limit("most", "position", "account", "15", account="A"),
    limit("band", "price_band", "firm", "0.05"),
    fill(1.0, "buy", "10", "100"),
    *(trade(1.0 + second / 2, 100.0 + second) for second in range(12)),
    line("orders.commands", command="place", account="A", orderId="1", symbol="X", side="buy", quantity="7", orderType="market"),
    line("orders.events", execType="nonsense"),
    trade(9.0, 80.0),
]
ALWAYS = {"orders.commands", "orders.events", "control.trading", "system.services", "system.health", "notifications", "analytics"}
"""Of which a day of ours brings nothing out, or what nobody says yet."""


def names(topic: str, value: dict[str, Any]) -> str:
    payload = value["payload"]
    return f"bar {payload['symbol']} {payload['end']}" if topic == "market.bars" else value["header"]["eventId"]


def test_what_is_written_in_the_same_process_is_heard(listener: Path) -> None:
    done = run(listener, "pipe", *FLOWS, "listener:FLOW", *SETTINGS, lines=DAY)
    said = [(record["topic"], record["value"]) for record in map(json.loads, done.stdout.splitlines())]
    heard = {value["payload"]["symbol"] for topic, value in said if topic == "analytics"}
    written = {(topic, names(topic, value)) for topic, value in said if topic not in ("analytics", "control.trading")}
    assert {topic for topic, _ in written} == {topic for topic in TOPICS if not topic.startswith("control.")} - ALWAYS - {"market.ticks"}
    assert {name for _, name in written} - heard == set()


def test_what_is_written_in_the_same_run_is_heard(listener: Path) -> None:
    bus = f"embedded:{listener / 'bus'}"
    create_topics(bus)
    run(listener, "ingest", "jsonl", "-", "--bus", bus, "--quiet", lines=DAY)
    run(listener, "run", *FLOWS, "listener:FLOW", "--bus", bus, "--until-end", "--quiet", *SETTINGS)
    heard = {event["payload"]["symbol"] for event in events(bus, "analytics")}
    for topic in ("market.marks", "portfolio.positions", "portfolio.accounts", "portfolio.pnl", "risk.exposure", "audit", "dead.letters"):
        written = {names(topic, event) for event in events(bus, topic)}
        assert written, topic
        assert written - heard == set(), topic


SIGNAL = {"symbol": "X", "strategy": "s", "action": "buy", "strength": 1, "price": 1, "barEnd": "", "indicators": {}, "interval": None}
ALERT = {"alertId": "L|firm|1", "limitId": "L", "rule": "position", "key": "firm", "symbol": None, "account": None, "state": "breach"}
PNL = {"account": "A", "symbol": "X", "quantity": 1, "averagePrice": 1, "mark": 1, "unrealizedPnl": 0, "realizedPnl": 0, "totalPnl": 0}
HEADER = {"eventId": "e", "correlationId": "e", "priority": 2, "timestamp": 0, "source": "test"}


LINES: list[tuple[str, dict[str, Any], str]] = [
    ("signals", SIGNAL, "Signal"),
    ("market.indicators", {"symbol": "X", "interval": "1m", "end": 0, "values": {"sma(2)": 1.0}}, "IndicatorUpdate"),
    ("market.marks", {"symbol": "X", "price": 1.0}, "Mark"),
    ("portfolio.pnl", {**PNL, "currency": "USD", "version": 1}, "PnlChange"),
    ("risk.alerts", {**ALERT, "value": 1, "threshold": 1, "episode": 1}, "Alert"),
    ("notifications", {"text": "hello"}, "dict"),
    ("system.health", {"service": "bus"}, "dict"),
    ("audit", {"header": {**HEADER, "eventType": "NONE"}, "payload": {}}, "DeadLetter"),
]


def test_a_pipe_takes_lines_of_it(listener: Path) -> None:
    """Each line is heard as what it is; one of a type that its topic does not carry as its dead letter."""
    done = run(listener, "pipe", "listener:FLOW", lines=[line(topic, **value) for topic, value, _ in LINES])
    said = [json.loads(record) for record in done.stdout.splitlines()]
    heard = [record["value"]["payload"]["strategy"] for record in said if record["topic"] == "analytics"]
    assert heard == [kind for *_, kind in LINES], said
    (dead,) = [record["value"]["payload"] for record in said if record["topic"] == "dead.letters"]
    assert dead["detail"] == "expected an event of audit (AUDIT), found 'NONE'"


BROKEN = """
from flows.own import Event, EventType, Step, event, flow
from schemas.orders import OrderCommand

class Broken(Step):
    def process(self, item):
        if isinstance(item, Event):
            yield event(EventType.ORDER_COMMAND, "x", OrderCommand(command="place", account="A", order_id="1", timestamp="noon"), 0)

FLOW = flow("broken", reads=["signals"], writes="orders.commands", step=Broken{key})
"""


def test_what_it_says_wrong_to_another_flow_of_the_pipe_is_a_dead_letter(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(key=""))
    done = run(tmp_path, "pipe", "orders", "broken:FLOW", lines=[line("signals", **SIGNAL)])
    said = [json.loads(record) for record in done.stdout.splitlines()]
    assert [record["topic"] for record in said] == ["dead.letters", "orders.commands"]
    assert "timestamp" in said[0]["value"]["payload"]["detail"]


def test_a_key_that_fails_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(key=", key=lambda event: event.payload.nothing"))
    with pytest.raises(AssertionError, match=r"broken: key raised AttributeError: .*\(broken.py, line 10\)"):
        run(tmp_path, "pipe", "broken:FLOW", lines=[line("signals", **SIGNAL)])
