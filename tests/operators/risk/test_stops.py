"""Stops by example: what fires, where the edge lies, and what a position is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.operators.cases_marking import START, bar
from tests.operators.cases_risk_stops import position, split
from tests.operators.risk.stop_desk import SECOND_NS, Desk, on_the_wire

KEY = "account:A/symbol:AMZN"


@pytest.mark.parametrize(
    ("rule", "threshold", "quantity", "held", "fires"),
    [
        ("stop_loss", "95", 10, 95, 94.99),
        ("stop_loss", "105", -10, 105, 105.01),
        ("take_profit", "105", 10, 105, 105.01),
        ("take_profit", "95", -10, 95, 94.99),
        ("trailing_stop", "0.05", 10, 95, 94.99),
        ("trailing_stop", "0.05", -10, 105, 105.01),
        ("trailing_stop", "0.1", 10, 90, 89.99),
        ("stop_loss", "0.3", 10, 0.1 + 0.2, 0.29),
    ],
)
def test_on_its_edge_a_stop_holds_and_beyond_it_fires_once(rule: str, threshold: str, quantity: int, held: float, fires: float) -> None:
    desk = Desk()
    desk.limit("S", rule, threshold)
    desk.hold(quantity, 100 if held > 1 else "0.3")
    assert desk.trade(held) == []
    assert desk.trade(fires) == [f"S|{KEY}|1|breach {fires:g}"]
    assert desk.trade(fires - quantity) == []
    kind = "TAKE_PROFIT_TRIGGERED" if rule == "take_profit" else "STOP_LOSS_TRIGGERED"
    assert desk.published[0].header.event_type == kind
    assert desk.published[0].header.correlation_id == "order of A"


def test_a_trailing_stop_follows_the_price_and_not_below_where_it_was_opened() -> None:
    desk = Desk()
    desk.trade(120)
    desk.limit("S", "trailing_stop", "0.05")
    desk.hold(10, 100)  # what was traded before is not of this position
    assert desk.trade(110) == []
    assert desk.hold(20, 130) == [], "an add leaves the extreme alone"
    assert desk.trade(104.5) == []
    assert desk.trade(104.49) == [f"S|{KEY}|1|breach 104.49"]


def test_the_extreme_is_known_to_a_limit_that_comes_later() -> None:
    desk = Desk()
    desk.hold(10, 100)
    desk.trade(200)
    desk.hold(-1, 160, account="B")
    desk.trade(150)
    assert desk.limit("S", "trailing_stop", "0.25", "symbol") == []
    assert desk.trade(187.5) == []
    assert desk.trade(149.99) == [f"S|{KEY}|1|breach 149.99"]
    assert desk.trade(187.49) == ["S|account:B/symbol:AMZN|1|breach 187.49"], "its lowest is 149.99, the edge 187.4875"


def test_the_next_position_is_watched_anew_after_flat_and_after_a_flip() -> None:
    desk = Desk()
    desk.limit("S", "trailing_stop", "0.05")
    desk.hold(10, 100)
    assert desk.trade(94) == [f"S|{KEY}|1|breach 94"]
    assert desk.hold(5, 100) == [], "a part is closed: it is the same position"
    assert desk.trade(80) == []
    assert desk.hold(-5, 80) == []
    assert desk.trade(84) == []
    assert desk.trade(84.01) == [f"S|{KEY}|2|breach 84.01"]
    desk.hold(0)
    assert desk.trade(10) == []
    desk.hold(1, 10)
    assert desk.trade(9.4) == [f"S|{KEY}|3|breach 9.4"]


def test_older_versions_change_nothing() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95")
    desk.give(position("A", "AMZN", 2, 10, 100))
    assert desk.give(position("A", "AMZN", 1, 0)) == []
    assert desk.give(position("A", "AMZN", 2, 0)) == []
    assert desk.trade(94) == [f"S|{KEY}|1|breach 94"]


def test_a_limit_is_held_against_present_values_and_fires_once_a_position_however_often_it_is_set() -> None:
    desk = Desk()
    desk.hold(10, 100)
    desk.trade(97)
    assert desk.limit("S", "stop_loss", "95") == []
    assert desk.limit("S", "stop_loss", "98") == [f"S|{KEY}|1|breach 97"]
    assert desk.limit("S", "stop_loss", "99") == []
    assert desk.end("S") == []
    assert desk.limit("S", "stop_loss", "99") == []
    desk.hold(0)
    assert desk.hold(10, 100) == [f"S|{KEY}|2|breach 97"]
    assert desk.limit("T", "stop_loss", "99", enabled=False) == []
    assert desk.limit("T", "stop_loss", "99") == [f"T|{KEY}|1|breach 97"]


def test_a_disabled_or_deleted_limit_watches_no_more() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95")
    desk.limit("T", "stop_loss", "95")
    desk.hold(10, 100)
    desk.limit("S", "stop_loss", "95", enabled=False)
    desk.end("T")
    assert desk.trade(1) == []


def test_scopes_say_which_positions_are_watched() -> None:
    for scope, expected in (("account+symbol", 1), ("account", 2), ("symbol", 2), ("firm", 4)):
        desk = Desk()
        desk.hold(10, 100, "A", "AMZN")
        desk.hold(10, 100, "B", "EURUSD")
        desk.limit("S", "trailing_stop", "0.05", scope)
        desk.hold(10, 100, "A", "EURUSD")
        desk.hold(10, 100, "B", "AMZN")
        assert len(desk.trade(94) + desk.trade(94, "EURUSD")) == expected, scope


def test_the_last_trade_counts_and_before_any_the_mark() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95")
    desk.limit("B", "stop_loss", "105", account="B")
    desk.hold(10, 100)
    desk.hold(-10, 100, "B")
    desk.give(bar("AMZN", START, 96.0))
    assert desk.quote(95, 105) == []
    assert desk.trade(100) == []
    assert desk.quote(1, 900) == []
    desk = Desk()
    desk.limit("S", "stop_loss", "95")
    desk.limit("B", "stop_loss", "105", account="B")
    desk.hold(10, 100)
    desk.hold(-10, 100, "B")
    assert desk.quote(94.99, 105.01) == ["B|account:B/symbol:AMZN|1|breach 105.01", f"S|{KEY}|1|breach 94.99"]
    desk = Desk()
    desk.limit("S", "stop_loss", "95")
    desk.hold(10, 100)
    assert desk.give(bar("AMZN", START, 94.0)) == [f"S|{KEY}|1|breach 94"]


def test_on_trigger_close_orders_the_whole_position_once_whatever_fires() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95", on_trigger="close")
    desk.limit("T", "trailing_stop", "0.05", on_trigger="close")
    desk.hold("12.5", 100)
    said = desk.trade(94)
    assert sorted(said) == [f"S|{KEY}|1|breach 94", f"T|{KEY}|1|breach 94", "sell 12.5 market"]
    order = desk.orders[0]
    assert (order.command, order.account, order.symbol) == ("place", "A", "AMZN")
    assert order.order_id == order.idempotency_key
    assert order.idempotency_key in {f"S|{KEY}|1|close", f"T|{KEY}|1|close"}
    desk.hold(-3, 94)
    assert desk.trade(95) == []
    assert desk.trade(95.01) == [f"S|{KEY}|2|breach 95.01", "buy 3 market"]
    assert desk.trade(98.71) == [f"T|{KEY}|2|breach 98.71"]


def test_an_order_whose_name_would_be_too_long_has_a_short_one() -> None:
    desk, long_id = Desk(), "L" * 128
    desk.limit(long_id, "stop_loss", "95", on_trigger="close")
    desk.hold(10, 100)
    desk.trade(94)
    assert len(desk.orders[0].order_id) <= 128
    assert long_id in desk.orders[0].idempotency_key


def test_a_split_changes_what_was_set_and_seen_before_it() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "90")
    desk.limit("P", "take_profit", "120")
    desk.limit("T", "trailing_stop", "0.2")
    desk.hold(10, 100)
    desk.trade(110)
    assert desk.give(split("AMZN", 2, START + 300 * SECOND_NS)) == []
    assert desk.trade(100, seconds=240) == [], "a minute before its time is not its time"
    assert desk.trade(50, seconds=60) == [], "in new shares: 45, 60, 44 of an extreme of 55"
    desk.limit("S", "stop_loss", "46")
    assert desk.trade(45.5) == [f"S|{KEY}|1|breach 45.5"], "set anew, it is in new shares"
    assert desk.trade(43.99) == [f"T|{KEY}|1|breach 43.99"]
    assert desk.trade(60.01) == [f"P|{KEY}|1|breach 60.01"]
    assert desk.give(split("AMZN", 2, START + 300 * SECOND_NS)) == [], "again it changes nothing"
    assert desk.published[-1].payload.threshold == 60


def test_marks_are_said_of_what_somebody_holds() -> None:
    desk = Desk()
    desk.quote(99, 101)
    assert desk.marks == []
    desk.hold(10, 100)
    assert [row[:3] for row in desk.marks] == [("AMZN", 99, 101)]
    desk.hold(5, 100, "B")
    assert desk.marks == []
    desk.trade(100)
    assert desk.marks == [("AMZN", 99, 101, 100)]
    desk.trade(100)
    assert desk.marks == [], "nothing changed"
    desk.hold(0)
    desk.hold(0, account="B")
    desk.trade(90)
    assert desk.marks == []


def test_a_bar_gives_the_first_mark_at_once() -> None:
    desk = Desk()
    desk.hold(10, 100)
    assert desk.marks == []
    desk.give(bar("AMZN", START, 98.0))
    assert [row[:3] for row in desk.marks] == [("AMZN", 98, 98)]


def test_a_stop_says_the_version_of_its_position_and_no_other_alert_has_such_a_field() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95")
    desk.limit("V", "volatility", "0.01", "symbol")
    desk.hold(10, 100)
    desk.hold(11, 100)
    desk.trade(100)
    desk.trade(94)
    said = {alert["payload"]["limitId"]: alert["payload"] for alert in map(on_the_wire, desk.published)}
    assert said["S"]["positionVersion"] == 2
    assert "positionVersion" not in said["V"]
    assert (said["S"]["state"], said["S"]["episode"], said["S"]["account"]) == ("breach", 1, "A")


@pytest.mark.parametrize("fraction", ["0.05", "0.1", "0.07", "0.015", "0.3333"])
@pytest.mark.parametrize("extreme", ["100", "33.37", "0.0123", "12345.67", "1.1"])
def test_the_edge_of_a_trailing_stop_is_exact_in_decimal(fraction: str, extreme: str) -> None:
    desk = Desk()
    desk.limit("S", "trailing_stop", fraction)
    desk.hold(10, extreme)
    edge = Decimal(extreme) * (1 - Decimal(fraction))
    assert desk.trade(float(edge)) == []
    assert len(desk.trade(float(edge * (1 - Decimal("1e-9"))))) == 1
