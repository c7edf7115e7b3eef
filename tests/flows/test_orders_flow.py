"""The orders flow as a user runs it: lines in, lines out."""

from __future__ import annotations

import io
from typing import Any

import msgspec

from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

PLACE = {
    "command": "place",
    "idempotencyKey": "k",
    "account": "A",
    "symbol": "AMZN",
    "orderId": "o1",
    "side": "buy",
    "quantity": "100",
    "orderType": "limit",
    "price": 50.25,
    "timeInForce": "GTC",
    "strategy": "s",
    "user": "u",
}
FILL = {"execType": "fill", "account": "A", "symbol": "AMZN", "orderId": "o1", "side": "buy", "price": "50.2", "venue": "XNAS"}


def piped(*lines: tuple[str, dict[str, Any]]) -> list[tuple[str, Any]]:
    """(topic, event) of what comes out."""
    source = io.BytesIO(b"\n".join(msgspec.json.encode({"topic": topic, "value": value}) for topic, value in lines) + b"\n")
    out = io.BytesIO()
    run_pipe_over(Settings(), ["orders"], source, out)
    records = [msgspec.json.decode(line) for line in out.getvalue().splitlines()]
    return [(record["topic"], record["value"]) for record in records]


def test_an_order_from_its_command_to_its_fill() -> None:
    said = piped(
        ("orders.events", {**FILL, "executionId": "e1", "quantity": "30"}),
        ("orders.commands", PLACE),
        ("control.actions", {"action": "split", "symbol": "AMZN", "ratio": "2"}),
        ("orders.commands", PLACE),
        ("orders.events", {**FILL, "executionId": "e2", "quantity": "140", "price": "25.1"}),
        ("orders.events", {**FILL, "executionId": "e2", "quantity": "140", "price": "25.1"}),
    )
    assert [(topic, event["header"]["eventType"]) for topic, event in said] == [
        ("orders.updates", "ORDER_PENDING"),
        ("orders.updates", "ORDER_PARTIAL_FILL"),
        ("orders.updates", "ORDER_REPLACED"),
        ("orders.updates", "ORDER_FILLED"),
    ]
    assert said[-1][1]["payload"] == {
        "orderId": "o1",
        "account": "A",
        "symbol": "AMZN",
        "side": "buy",
        "status": "FILLED",
        "orderType": "limit",
        "price": "25.125",
        "stopPrice": None,
        "timeInForce": "GTC",
        "quantity": "200",
        "filledQuantity": "200",
        "leavesQuantity": "0",
        "averagePrice": "25.1",
        "lastQuantity": "140",
        "lastPrice": "25.1",
        "venue": "XNAS",
        "strategy": "s",
        "user": "u",
        "reason": None,
        "version": 4,
        "requestedQuantity": None,
        "requestedPrice": None,
        "requestedStopPrice": None,
    }
    assert {event["header"]["correlationId"] for _, event in said} == {"orders.commands|2"}


def test_what_came_for_no_order_is_a_dead_letter_at_the_end() -> None:
    said = piped(
        ("orders.events", {**FILL, "executionId": "e1", "quantity": "30"}),
        ("orders.events", {**FILL, "executionId": "e2", "quantity": "30", "account": None, "execType": "canceled"}),
        ("orders.commands", {**PLACE, "orderId": "o2", "quantity": "0"}),
        ("orders.commands", {"command": "cancel", "account": "B", "orderId": "o2"}),
    )
    updates = [(event["payload"]["account"], event["payload"]["status"]) for topic, event in said if topic == "orders.updates"]
    assert updates == [("A", "REJECTED"), ("B", "REJECTED")]
    assert [event["payload"]["reason"] for topic, event in said if topic == "dead.letters"] == ["missing_field", "orphan"]


def test_all_orders_of_a_symbol_are_canceled_whosever_they_are() -> None:
    others = [{**PLACE, "account": account, "orderId": account, "idempotencyKey": account} for account in ("B", "C", "D")]
    elsewhere = {**PLACE, "symbol": "MSFT", "orderId": "o2", "idempotencyKey": "k2"}
    commands: list[dict[str, Any]] = [PLACE, *others, elsewhere, {"command": "cancel_all", "symbol": "AMZN", "idempotencyKey": "stop"}]
    said = piped(*(("orders.commands", command) for command in commands))
    canceled = [event["payload"]["orderId"] for _, event in said if event["payload"].get("status") == "PENDING_CANCEL"]
    assert sorted(canceled) == ["B", "C", "D", "o1"]
    (letter,) = [event for topic, event in piped(("orders.commands", {"command": "cancel_all"})) if topic == "dead.letters"]
    assert letter["payload"]["reason"] == "missing_field"
