"""A control line with a key and no value deletes the entry, in a pipe as on a bus; without a key it is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sources.jsonl import read_lines
from tests.engine.running import command, create_topics, events
from tests.flows.risk_lines import BREACH, Line, alerts, fill, limit, line, of_type, opened, piped, trade

CLEAR = "RISK_LIMIT_CLEARED"


def deleted(topic: str, key: Any) -> Line:
    return {"topic": topic, "key": key, "value": None}


BROKEN = [opened(), limit("G", "gross_exposure", "firm", 5), fill(1, "buy", 1, 10), trade(2, 10)]


def test_a_limit_that_is_deleted_clears_and_holds_no_more() -> None:
    records = piped([*BROKEN, deleted("control.limits", "G"), trade(3, 100)])
    assert [(kind, name) for kind, name, _ in alerts(records)] == [(BREACH, "G|firm|1|breach"), (CLEAR, "G|firm|1|clear")]
    assert not of_type(records, "DEAD_LETTER")


def test_on_a_bus_it_is_the_same(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    create_topics(bus)
    ingest, run = ("ingest", "jsonl", "-"), ("run", "portfolio", "risk", "--until-end", "--recovery", str(tmp_path / "kept"))
    for lines in (BROKEN, [deleted("control.limits", "G"), deleted("control.limits", None)]):
        text = "".join(json.dumps(one) + "\n" for one in lines)
        for arguments in (ingest, run):
            said = command(*arguments, "--bus", bus, "--quiet")
            done = subprocess.run(said, input=text, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
    assert [event["header"]["eventId"] for event in events(bus, "risk.alerts")] == ["G|firm|1|breach", "G|firm|1|clear"]
    assert ["expected the key of the entry to delete" in event["payload"]["detail"] for event in events(bus, "dead.letters")] == [True]


def test_an_instrument_that_is_deleted_has_its_defaults_again() -> None:
    tenfold = line("control.instruments", symbol="X", multiplier="10")
    lines = [opened(), tenfold, deleted("control.instruments", "X"), fill(1, "buy", 1, 10), trade(3, 11)]
    records = piped(lines, ("portfolio",))
    assert [payload["unrealizedPnl"] for payload in of_type(records, "PNL_CHANGE")][-1] == 1.0


def test_a_halt_that_is_deleted_is_none() -> None:
    halt = line("control.trading", scope="account", account="A", state="HALTED")
    order = line("orders.commands", command="place", account="A", orderId="1", symbol="X", side="buy", quantity="1", orderType="market")
    refused = of_type(piped([halt, order], ("orders",)), "ORDER_REJECTED_CRITICAL")
    assert refused
    assert not of_type(piped([halt, deleted("control.trading", "A"), order], ("orders",)), "ORDER_REJECTED_CRITICAL")


@pytest.mark.parametrize("key", [None, "", 5, ["G"]])
@pytest.mark.parametrize("topic", ["control.limits", "control.instruments", "control.accounts", "control.trading", "control.actions"])
def test_without_a_key_it_is_refused(topic: str, key: Any) -> None:
    records = piped([*BROKEN, deleted(topic, key)])
    (letter,) = of_type(records, "DEAD_LETTER")
    assert (letter["topic"], letter["reason"]) == (topic, "control")
    assert letter["detail"] == 'expected the key of the entry to delete, as in {"key": "L1", "value": null}, found none'
    assert [name for _, name, _ in alerts(records)] == ["G|firm|1|breach"]


def test_a_key_beside_a_value_says_nothing() -> None:
    (block,) = read_lines_of(b'{"topic":"control.limits","key":5,"value":{}}\n{"topic":"signals","key":"k","value":null}\n')
    assert (block.values, block.keys) == ([b"{}", b"null"], {})


def read_lines_of(text: bytes) -> list[Any]:
    import io

    return [block for block in read_lines(io.BytesIO(text)) if block.lines]
