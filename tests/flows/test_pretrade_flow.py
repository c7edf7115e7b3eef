"""Pre-trade checks and the kill switch as a user sees them: lines in, lines out."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from trademaster.pipe_input import run_pipe_over
from trademaster.settings import OrdersSettings, Settings

Line = tuple[str, dict[str, Any]]


def piped(flows: list[str], lines: list[Line], **orders: Any) -> list[tuple[str, Any]]:
    """(topic, event) of what comes out; ``orders``: settings of the flow."""
    source = io.BytesIO(b"".join(msgspec.json.encode({"topic": topic, "value": value}) + b"\n" for topic, value in lines))
    out = io.BytesIO()
    run_pipe_over(Settings(orders=OrdersSettings(**orders)), flows, source, out)
    records = [msgspec.json.decode(line) for line in out.getvalue().splitlines()]
    return [(record["topic"], record["value"]) for record in records]


def place(order_id: str, side: str = "buy", quantity: str = "10", price: str | None = "100", **fields: Any) -> Line:
    values = {"command": "place", "account": "A", "orderId": order_id, "symbol": "X", "side": side, "quantity": quantity, "price": price}
    return "orders.commands", {**values, "timeInForce": "gtc", **fields}


def command(verb: str, order_id: str | None = None, **fields: Any) -> Line:
    return "orders.commands", {"command": verb, "account": "A", "orderId": order_id, **fields}


def fill(number: int, side: str = "buy", quantity: str = "10", **fields: Any) -> Line:
    values = {"execType": "fill", "account": "A", "symbol": "X", "side": side, "quantity": quantity, "price": "100"}
    return "orders.events", {**values, "executionId": f"e{number}", **fields}


def limit(rule: str, threshold: str, **fields: Any) -> Line:
    scope = "+".join(name for name in ("account", "symbol") if name in fields) or "firm"
    return "control.limits", {"limitId": rule, "rule": rule, "scope": scope, "threshold": threshold, **fields}


def trading(state: str, account: str | None = None) -> Line:
    return "control.trading", {"scope": "account" if account else "firm", "account": account, "state": state, "reason": "test"}


def mark(price: float, symbol: str = "X", **fields: Any) -> Line:
    return "market.marks", {"symbol": symbol, "price": price, **fields}


def instrument(**fields: Any) -> Line:
    return "control.instruments", {"symbol": "X", **fields}


def balance(equity: float, gross: float, account: str = "A", **fields: Any) -> Line:
    values = {"account": account, "currency": "USD", "cash": "0", "equity": equity, "grossExposure": gross}
    rest = dict.fromkeys(("realizedPnl", "unrealizedPnl", "dayPnl", "netExposure", "highWaterMark"))
    return "portfolio.accounts", {**values, **rest, **fields}


def held(quantity: str, version: int = 1) -> Line:
    values = {"account": "A", "symbol": "X", "quantity": quantity, "averagePrice": "100", "realizedPnl": "0", "fees": "0"}
    return "portfolio.positions", {**values, "costBasis": "0", "currency": "USD", "costing": "average", "lots": [], "version": version}


def codes(said: list[tuple[str, Any]]) -> list[str]:
    """Of each answer to a command the order and its refusal's code, or its status."""
    updates = [event["payload"] for topic, event in said if topic == "orders.updates"]
    return [f"{update['orderId']} {(update['reason'] or update['status']).partition(':')[0]}" for update in updates]


Case = tuple[str, list[Line], list[str]]

BY_LIMITS: list[Case] = [
    ("no limit", [place("1", quantity="1000000")], ["1 PENDING_NEW"]),
    (
        "strict, and by all open orders",
        [limit("position", "100", account="A"), place("1", quantity="60"), place("2", quantity="40"), place("3", quantity="1")],
        ["1 PENDING_NEW", "2 PENDING_NEW", "3 POSITION_LIMIT"],
    ),
    (
        "each side by itself",
        [limit("position", "100", account="A"), place("1", quantity="100"), place("2", "sell", "100"), place("3", "sell", "1")],
        ["1 PENDING_NEW", "2 PENDING_NEW", "3 POSITION_LIMIT"],
    ),
    (
        "fills without an order count, and what the portfolio says",
        [limit("position", "100", account="A", symbol="X"), fill(1, quantity="30"), place("1", quantity="71"), held("100"), place("2"),
         place("3", "sell", "200"), place("4", "sell", "1")],
        ["1 POSITION_LIMIT", "2 POSITION_LIMIT", "3 PENDING_NEW", "4 POSITION_LIMIT"],
    ),
    (
        "of another symbol, another account",
        [limit("position", "1", account="A", symbol="Y"), limit("position", "1", account="B", limitId="b"), place("1")],
        ["1 PENDING_NEW"],
    ),
    ("of the firm", [limit("position", "5"), place("1")], ["1 POSITION_LIMIT"]),
    ("of a symbol", [limit("position", "5", symbol="X"), place("1"), place("2", symbol="Y")], ["1 POSITION_LIMIT", "2 PENDING_NEW"]),
    (
        "disabled, deleted by another rule, changed",
        [limit("position", "5"), limit("position", "5", enabled=False), place("1"), limit("position", "15"), place("2")],
        ["1 PENDING_NEW", "2 POSITION_LIMIT"],
    ),
    (
        "what is cancelled frees its room",
        [limit("position", "10"), place("1"), command("cancel", "1"), place("2"), ("orders.events", {"execType": "canceled", "account": "A",
         "symbol": "X", "orderId": "1"}), place("3")],
        ["1 PENDING_NEW", "1 PENDING_CANCEL", "2 POSITION_LIMIT", "1 CANCELED", "3 PENDING_NEW"],
    ),
    (
        "a replace is refused and the order stays as it was",
        [limit("position", "10"), place("1", quantity="5"), command("replace", "1", quantity="11"), command("replace", "1", quantity="10"),
         place("2", quantity="1")],
        ["1 PENDING_NEW", "1 POSITION_LIMIT", "1 PENDING_REPLACE", "2 POSITION_LIMIT"],
    ),
    (
        "notional: strict, by the multiplier",
        [limit("order_notional", "1000", account="A"), place("1"), place("2", price="100.01"), instrument(multiplier="2"), place("3")],
        ["1 PENDING_NEW", "2 ORDER_NOTIONAL_LIMIT", "3 ORDER_NOTIONAL_LIMIT"],
    ),
    (
        "notional of a market order: by the mark, on its side",
        [limit("order_notional", "1000"), place("1", price=None), mark(100, bid=99, ask=101), place("2", price=None),
         place("3", "sell", price=None)],
        ["1 PRICE_UNKNOWN", "2 ORDER_NOTIONAL_LIMIT", "3 PENDING_NEW"],
    ),
    (
        "notional of an inverse contract, and in the account's currency",
        [limit("order_notional", "1000"), instrument(inverse=True, multiplier="10000"), place("1"), place("2", quantity="11"),
         instrument(currency="EUR"), balance(1, 1), place("3"), mark(1.1, "EURUSD"), place("4"), place("5", quantity="9")],
        ["1 PENDING_NEW", "2 ORDER_NOTIONAL_LIMIT", "3 PRICE_UNKNOWN", "4 ORDER_NOTIONAL_LIMIT", "5 PENDING_NEW"],
    ),
    (
        "a day's notional, and the next day's; a replace adds what is more",
        [limit("daily_notional", "2000", account="A"), place("1", timestamp=10**18), place("2", quantity="5", timestamp=10**18),
         place("3", timestamp=10**18), command("replace", "1", quantity="15", timestamp=10**18), place("4", quantity="1", timestamp=10**18),
         place("5", quantity="20", timestamp=10**18 + 86_400 * 10**9)],
        ["1 PENDING_NEW", "2 PENDING_NEW", "3 DAILY_NOTIONAL_LIMIT", "1 PENDING_REPLACE", "4 DAILY_NOTIONAL_LIMIT", "5 PENDING_NEW"],
    ),
    (
        "rate: a window that slides; what is refused does not count",
        [limit("order_rate", "2", account="A"), *(place(str(number), timestamp=number * 4 * 10**8) for number in range(1, 6))],
        ["1 PENDING_NEW", "2 PENDING_NEW", "3 ORDER_RATE_LIMIT", "4 PENDING_NEW", "5 PENDING_NEW"],
    ),
    (
        "gross exposure of the firm, with this account's open orders",
        [limit("gross_exposure", "5000"), balance(1, 2000, "B"), balance(1, 1000), place("1"), place("2", quantity="11"), place("3"),
         balance(1, 0, "B"), place("4", quantity="11")],
        ["1 PENDING_NEW", "2 GROSS_EXPOSURE_LIMIT", "3 PENDING_NEW", "4 PENDING_NEW"],
    ),
    (
        "net exposure of the firm: towards the order's side, strict, with what is open on it",
        [limit("net_exposure", "3000"), balance(1, 2000, "B", netExposure=-2000), balance(1, 1000, netExposure=1000),
         place("1", "sell", "20"), place("2", "sell", "1"), place("3", quantity="40"), place("4", quantity="1"),
         balance(1, 2000, "B", netExposure=-2100), place("5", quantity="1")],
        ["1 PENDING_NEW", "2 NET_EXPOSURE_LIMIT", "3 PENDING_NEW", "4 NET_EXPOSURE_LIMIT", "5 PENDING_NEW"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), [case[1:] for case in BY_LIMITS], ids=[case[0] for case in BY_LIMITS])
def test_limits(lines: list[Line], expected: list[str]) -> None:
    assert codes(piped(["orders"], lines)) == expected


BY_SETTINGS: list[tuple[str, dict[str, Any], list[Line], list[str]]] = [
    ("restricted", {"restricted": ("X",)}, [place("1"), place("2", symbol="Y")], ["1 RESTRICTED_SYMBOL", "2 PENDING_NEW"]),
    (
        "collar: either way, strict; of a stop limit from its stop; a market order has none",
        {"collar": "0.05"},
        [place("0"), mark(100), place("1", price="105"), place("2", price="105.01"), place("3", "sell", price="94.99"),
         place("4", price=None), place("5", price="210", stopPrice="200", orderType="stop_limit"),
         place("6", price="211", stopPrice="200", orderType="stop_limit"), command("replace", "1", price="106")],
        ["0 PRICE_UNKNOWN", "1 PENDING_NEW", "2 PRICE_COLLAR", "3 PRICE_COLLAR", "4 PENDING_NEW", "5 PENDING_NEW", "6 PRICE_COLLAR",
         "1 PRICE_COLLAR"],
    ),
    (
        "buying power: what adds to the exposure, with open orders; what reduces needs none",
        {"buying_power": "2"},
        [place("0"), balance(1000, 500), held("5"), place("1"), place("2", quantity="6"), place("3", quantity="5"), place("4", "sell", "5"),
         place("5", "sell", "1")],
        ["0 BUYING_POWER", "1 PENDING_NEW", "2 BUYING_POWER", "3 PENDING_NEW", "4 PENDING_NEW", "5 BUYING_POWER"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("orders", "lines", "expected"), [case[1:] for case in BY_SETTINGS], ids=[case[0] for case in BY_SETTINGS])
def test_settings(orders: dict[str, Any], lines: list[Line], expected: list[str]) -> None:
    assert codes(piped(["orders"], lines, **orders)) == expected


def test_a_hard_refusal_is_a_critical_event_on_both_topics() -> None:
    said = piped(["orders"], [limit("position", "5"), limit("order_notional", "1"), place("1"), limit("position", "50"), place("2")])
    types = [(topic, event["header"]["eventType"], event["header"]["priority"]) for topic, event in said]
    assert types == [
        ("orders.updates", "ORDER_REJECTED_CRITICAL", 1),
        ("risk.alerts", "ORDER_REJECTED_CRITICAL", 1),
        ("orders.updates", "ORDER_REJECTED", 2),
    ]
    assert said[0][1] == said[1][1]
    reason = "POSITION_LIMIT: expected at most 5 with all open orders filled (limit position), found 10"
    assert said[0][1]["payload"]["reason"] == reason


def test_only_a_reason_that_used_firm_wide_values_says_their_age() -> None:
    lines = [limit("gross_exposure", "100"), limit("order_rate", "9"), balance(1, 50, "B", timestamp=None), place("1", timestamp=5 * 10**9)]
    ((_, refused),) = piped(["orders"], [lines[0], lines[1], ("portfolio.accounts", enveloped(lines[2][1], 3 * 10**9)), lines[3]])
    expected = (
        "GROSS_EXPOSURE_LIMIT: expected a gross exposure of the firm of at most 100 (limit gross_exposure), found 1050 with open orders "
        "and this one (firm-wide values as of 1970-01-01T00:00:03.000000000Z, 2.000 s old)"
    )
    assert refused["payload"]["reason"] == expected


def enveloped(payload: dict[str, Any], time_ns: int) -> dict[str, Any]:
    payload.pop("timestamp", None)
    header = {
        "eventId": "b",
        "correlationId": "b",
        "eventType": "BALANCE_UPDATE",
        "priority": 3,
        "timestamp": time_ns,
        "source": "portfolio",
    }
    return {"header": header, "payload": payload}


TRADING: list[Case] = [
    ("halted: nothing is placed", [trading("HALTED"), place("1"), trading("ACTIVE"), place("2")], ["1 TRADING_HALTED", "2 PENDING_NEW"]),
    ("of one account", [trading("HALTED", "A"), place("1"), place("2", account="B")], ["1 TRADING_HALTED", "2 PENDING_NEW"]),
    (
        "the stricter holds",
        [trading("HALTED", "A"), trading("REDUCING"), place("1"), trading("ACTIVE", "A"), place("2")],
        ["1 TRADING_HALTED", "2 TRADING_REDUCING"],
    ),
    (
        "open orders are cancelled; others' confirmation is not ours; a late fill applies",
        [place("1"), place("2"), command("cancel", "2"), trading("HALTED"),
         *(("orders.events", {"execType": "canceled", "account": "A", "symbol": "X", "orderId": one}) for one in "12"),
         fill(1, orderId="1", quantity="4"), command("replace", "1", quantity="50")],
        ["1 PENDING_NEW", "2 PENDING_NEW", "2 PENDING_CANCEL", "1 TRADING_HALTED", "1 CANCELED", "2 CANCELED", "1 CANCELED",
         "1 too late to replace"],
    ),
    (
        "a cancel that the venue refuses is asked for again",
        [place("1"), command("cancel", "1"), trading("HALTED"),
         *(("orders.events", {"execType": "cancel_rejected", "account": "A", "symbol": "X", "orderId": "1", "executionId": one,
           "reason": "no"})
           for one in "abcdef")],
        ["1 PENDING_NEW", "1 PENDING_CANCEL", *["1 no", "1 TRADING_HALTED"] * 3, "1 no"],
    ),
    (
        "reducing: at most the position less what reduces it already",
        [trading("REDUCING"), held("10"), place("1", "sell", "6"), place("2", "sell", "5"), place("3", "sell", "4"), place("4"),
         command("replace", "1", quantity="7"), command("replace", "1", quantity="3"), held("-5", 2), place("5", "buy", "6"),
         place("6", "buy", "5")],
        ["1 PENDING_NEW", "2 TRADING_REDUCING", "3 PENDING_NEW", "4 TRADING_REDUCING", "1 TRADING_REDUCING", "1 PENDING_REPLACE",
         "5 TRADING_REDUCING", "6 PENDING_NEW"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), [case[1:] for case in TRADING], ids=[case[0] for case in TRADING])
def test_the_kill_switch(lines: list[Line], expected: list[str]) -> None:
    assert codes(piped(["orders"], lines)) == expected


def quote(seconds: int, bid: float = 99, ask: float = 100, size: int = 30) -> Line:
    values = {"type": "quote", "symbol": "X", "timestamp": seconds * 10**9, "bid": bid, "ask": ask, "bidSize": size, "askSize": size}
    return "market.ticks", values


ROUND: list[Line] = [
    ("control.accounts", {"account": "A", "cash": "5000"}),
    limit("position", "100", account="A"),
    quote(1),
    place("1", quantity="60"),
    quote(2),  # fills 30
    place("2", quantity="41"),
    place("3", "sell", "130", price="200"),
    place("4", "sell", "1", price="200"),
    trading("REDUCING", "A"),
    command("cancel", "3"),
    quote(3, size=1),  # fills 1 more
    place("5", "sell", "32", price="200"),
    place("6", "sell", "31", price="200"),
    trading("HALTED"),
    quote(4),
    place("7", "sell", "1"),
]


def test_orders_the_paper_exchange_and_the_portfolio_go_round() -> None:
    said = piped(["orders", "paper", "portfolio"], ROUND)
    expected = """1 PENDING_NEW / 1 NEW / 1 PARTIALLY_FILLED / 2 POSITION_LIMIT / 3 PENDING_NEW / 3 NEW / 4 POSITION_LIMIT /
        3 PENDING_CANCEL / 3 CANCELED / 1 PARTIALLY_FILLED / 5 TRADING_REDUCING / 6 PENDING_NEW / 6 NEW / 1 TRADING_HALTED /
        1 CANCELED / 6 TRADING_HALTED / 6 CANCELED / 7 TRADING_HALTED"""
    assert codes(said) == [one.strip() for one in expected.split("/")]
    alerts = [(event["header"]["eventType"], event["payload"]["orderId"]) for topic, event in said if topic == "risk.alerts"]
    refused = [("ORDER_REJECTED_CRITICAL", order_id) for order_id in ("2", "4", "5")]
    assert alerts == [*refused, ("ORDER_CANCELLED_SYSTEM", "1"), ("ORDER_CANCELLED_SYSTEM", "6"), ("ORDER_REJECTED_CRITICAL", "7")]
    assert piped(["orders", "paper", "portfolio"], ROUND) == said, "the same answer each time"


def test_with_the_market_marks_come_from_inside() -> None:
    lines = [
        limit("order_notional", "1000"),
        place("1", price=None),
        quote(1),
        place("2", price=None),
        place("3", quantity="11", price=None),
    ]
    said = piped(["market", "orders"], lines)
    assert codes(said) == ["1 PRICE_UNKNOWN", "2 PENDING_NEW", "3 ORDER_NOTIONAL_LIMIT"]
