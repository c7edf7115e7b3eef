"""What a line without a time is given: the event time that the lines around it say."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.trademaster.test_pipe_input import Pieces
from trademaster.line_times import LINES_AHEAD
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

NOON_NS = 1767355200 * 10**9


def line(topic: str, **value: Any) -> bytes:
    return json.dumps({"topic": topic, "value": value}).encode()


def quote(second: int) -> bytes:
    return line("market.ticks", type="quote", symbol="X", timestamp=NOON_NS + second * 10**9, bid=9, ask=10)


def place(order_id: str = "1") -> bytes:
    return line("orders.commands", command="place", account="A", symbol="X", orderId=order_id, side="buy", quantity="1")


def answer(flows: list[str], lines: list[bytes], cuts: list[int] | None = None) -> list[dict[str, Any]]:
    out = io.BytesIO()
    run_pipe_over(Settings(), flows, io.BufferedReader(Pieces(b"\n".join(lines), cuts or [])), out)
    return [json.loads(event)["value"] for event in out.getvalue().splitlines()]


@pytest.mark.parametrize("lines", [[place(), quote(1)], [quote(0), place(), quote(1)]])
def test_an_order_without_a_time_is_of_the_day_of_the_ticks_that_it_meets(lines: list[bytes]) -> None:
    events = answer(["orders", "paper"], lines)
    assert [event["payload"]["status"] for event in events if "status" in event["payload"]] == ["PENDING_NEW", "NEW", "FILLED"]
    assert all(event["header"]["timestamp"].startswith("2026-01-02T12:00:0") for event in events)


def test_the_first_time_is_looked_for_in_so_many_lines_wherever_the_input_was_cut() -> None:
    def first(between: int, cuts: list[int]) -> str:
        lines = [place(), *[b'{"topic":"control.limits","value":1}'] * between, quote(1)]
        return str(answer(["orders", "paper"], lines, cuts)[0]["header"]["timestamp"][:10])

    for cuts in ([], [100, 1000], [40 * LINES_AHEAD]):
        assert first(LINES_AHEAD - 1, cuts) == "2026-01-02"
        assert first(LINES_AHEAD, cuts) == "1970-01-01"


def test_reports_without_time_and_id_are_told_apart() -> None:
    cancel = [line("orders.commands", command="cancel", account="A", orderId="1", idempotencyKey=str(at)) for at in range(2)]
    refusal = line("orders.events", execType="cancel_rejected", account="A", symbol="X", orderId="1")
    updates = answer(["orders"], [place(), cancel[0], refusal, cancel[1], refusal])
    assert [update["payload"]["status"] for update in updates] == ["PENDING_NEW", *["PENDING_CANCEL", "PENDING_NEW"] * 2]
    timed = line("orders.events", execType="new", account="A", symbol="X", orderId="1", timestamp=NOON_NS)
    updates = answer(["orders"], [place(), timed, cancel[0], refusal, cancel[1], refusal])
    assert [update["payload"]["status"] for update in updates] == ["PENDING_NEW", "NEW", *["PENDING_CANCEL", "NEW"] * 2]
