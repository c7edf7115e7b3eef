"""What a limit, a position or a balance cannot be is a dead letter, and what was in force stays."""

from __future__ import annotations

import pytest

from tests.flows.risk_lines import (
    BREACH,
    Line,
    alerts,
    balance,
    exposures,
    fill,
    limit,
    line,
    of_type,
    opened,
    order,
    piped,
    position,
    trade,
)


@pytest.mark.parametrize(
    ("rule", "scope", "more"),
    [
        ("drawdown", "symbol", {"symbol": "X"}),
        ("var_ewma", "account+symbol", {"account": "A", "symbol": "X"}),
        ("stop_loss", "account", {"account": "A"}),
        ("concentration", "firm", {"threshold": "10"}),
        ("order_rate", "firm", {"window": "365000d"}),
        ("order_rate", "firm", {"threshold": "10001"}),
        ("gross_exposure", "firm", {"clear": "6"}),
        ("margin_cushion", "firm", {"threshold": "0.2", "clear": "0.1"}),
        ("price_band", "firm", {"threshold": "0.1", "onBreach": "halt"}),
        ("no_such_rule", "firm", {}),
    ],
)
def test_a_limit_that_makes_no_sense_is_a_dead_letter_and_the_old_one_stays(rule: str, scope: str, more: Line) -> None:
    good = limit("G", "gross_exposure", "firm", 5)
    bad = {"topic": "control.limits", "value": {**limit("G", rule, scope, 5)["value"], **more}}
    records = piped([good, bad, opened(), trade(1, 10), fill(2, "buy", 1, 10)])
    assert [payload["topic"] for payload in of_type(records, "DEAD_LETTER")] == ["control.limits"]
    assert alerts(records) == [(BREACH, "G|firm|1|breach", 10.0)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (position("X", "NaN"), "number"),
        (position("X", "1e999"), "number"),
        (position("s" * 65, 1), "symbol"),
        (position("", 1), "symbol"),
        (position("X", 1, account=""), "missing_field"),
        (balance(1.0, account=""), "missing_field"),
        (order("1", 1, 1, "Infinity"), "number"),
        (line("portfolio.positions", account="A"), "missing_field"),
        (line("portfolio.positions", account="A", symbol="X", quantity="1"), "missing_field"),
        (line("control.limits", limitId="L"), "control"),
        (line("control.trading", scope="account", state="HALTED"), "control"),
    ],
)
def test_what_cannot_be_is_a_dead_letter_and_nothing_stops(bad: Line, reason: str) -> None:
    records = piped([bad, limit("G", "gross_exposure", "account", 5, account="A"), trade(1, 10), position("X", 1)], ("risk",))
    assert [payload["reason"] for payload in of_type(records, "DEAD_LETTER")] == [reason]
    assert alerts(records) == [(BREACH, "G|account:A|1|breach", 10.0)]


def test_numbers_at_the_edge_of_doubles_are_unknown_not_wrong() -> None:
    lines = [trade(1, 1e300), position("X", "1e300"), balance(100.0), trade(2, 1.0)]
    found = exposures(piped(lines, ("risk",)))
    assert [one["grossExposure"] for one in found] == [None, None, 1e300]


def test_what_another_program_leaves_out_has_its_default() -> None:
    lines = [limit("D", "drawdown", "account", "0.1", account="A"), limit("G", "gross_exposure", "account", 50, account="A")]
    lines += [limit("N", "order_notional", "account", 10, account="A"), trade(1, 10)]
    lines += [line("portfolio.accounts", account="A", equity=89, highWaterMark=100)]
    lines += [line("portfolio.positions", account="A", symbol="X", quantity="6", version=1)]
    payload = {"orderId": "1", "account": "A", "symbol": "X", "side": "buy", "status": "NEW", "price": 10, "quantity": 2}
    records = piped([*lines, line("orders.updates", **payload)], ("risk",))
    assert [event_id.split("|")[0] for _, event_id, _ in alerts(records)] == ["D", "G", "N"]
    assert not of_type(records, "DEAD_LETTER")


def test_the_halt_of_a_stop_does_not_say_which_way_it_was_passed() -> None:
    held = {"account": "A", "symbol": "X", "onBreach": "halt"}
    lines = [opened(), limit("S", "stop_loss", "account+symbol", 95, **held), fill(1, "buy", 1, 100), trade(2, 94)]
    halts = [record["value"]["payload"] for record in piped(lines) if record["topic"] == "control.trading"]
    assert [halt["reason"] for halt in halts] == ["limit S: stop_loss of account:A/symbol:X is 94.0, with a threshold of 95"]
