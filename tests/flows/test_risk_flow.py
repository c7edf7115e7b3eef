"""The risk flow as a user runs it: lines in, alerts and exposures out. Every rule once, end to end."""

from __future__ import annotations

import numpy as np
import pytest

from operators.risk.statistics.ewma import ewma_var
from operators.risk.statistics.historical import expected_shortfall, historical_var
from operators.risk.statistics.parametric import parametric_var
from tests.flows.risk_lines import (
    BREACH,
    CLEARED,
    SECOND,
    Line,
    alerts,
    balance,
    bar,
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
    trading,
)


def test_a_fall_of_ten_thousand_is_no_drawdown_of_a_tenth_and_one_more_is() -> None:
    lines = [opened(), limit("D", "drawdown", "account", "0.10", account="A"), trade(1, 100), fill(2, "buy", 1000, 100)]
    lines += [trade(3, 90), trade(4, 89.999), trade(5, 91), trade(6, 91.5), trade(7, 80)]
    assert alerts(piped(lines)) == [
        (BREACH, "D|account:A|1|breach", 0.10001),
        (CLEARED, "D|account:A|1|clear", 0.085),
        (BREACH, "D|account:A|2|breach", 0.2),
    ]


def test_positions_of_all_scopes() -> None:
    lines = [opened(), opened("B"), limit("AS", "position", "account+symbol", 100, account="A", symbol="X")]
    lines += [limit("ACC", "position", "account", 150, account="A"), limit("SYM", "position", "symbol", 250, symbol="X")]
    lines += [limit("FIRM", "position", "firm", 1000), fill(1, "buy", 100, 1), fill(2, "buy", "0.5", 1), fill(3, "sell", 201, 1)]
    lines += [fill(4, "buy", 51, 1, account="B", symbol="Y"), fill(5, "sell", 60, 1), fill(6, "sell", 100, 1, account="B")]
    lines += [fill(7, "buy", 1001, 1, symbol="Y")]
    exceeded = "POSITION_LIMIT_EXCEEDED"
    assert alerts(piped(lines)) == [
        (exceeded, "AS|account:A/symbol:X|1|breach", 100.5),
        (exceeded, "ACC|account:A/symbol:X|1|breach", 160.5),
        (exceeded, "SYM|symbol:X|1|breach", 260.5),
        (exceeded, "ACC|account:A/symbol:Y|1|breach", 1001.0),
        (exceeded, "FIRM|symbol:Y|1|breach", 1052.0),
    ]


def test_a_limit_that_is_lowered_fires_at_once_and_one_that_is_disabled_or_deleted_clears() -> None:
    gross = ("gross_exposure", "account")
    lines = [opened(), limit("G", *gross, 5000, account="A"), trade(1, 10), fill(2, "buy", 100, 10), limit("G", *gross, 999, account="A")]
    lines += [
        limit("G", *gross, 999, account="A", enabled=False),
        limit("G", *gross, 900, account="A"),
        limit("G", *gross, "-1", account="A"),
    ]
    records = piped([*lines, trade(3, 11)])
    assert alerts(records) == [
        (BREACH, "G|account:A|1|breach", 1000.0),
        (CLEARED, "G|account:A|1|clear", 1000.0),
        (BREACH, "G|account:A|2|breach", 1000.0),
    ]
    assert [payload["reason"] for payload in of_type(records, "DEAD_LETTER")] == ["control"]
    assert [payload["subject"] for payload in of_type(records, "AUDIT")] == ["control.limits/G"] * 4
    assert [(payload["before"] or {}).get("threshold") for payload in of_type(records, "AUDIT")] == [None, "5000", "999", "999"]


def test_exposures_of_accounts_positions_symbols_and_the_firm() -> None:
    lines = [opened(), opened("B"), limit("GA", "gross_exposure", "account", 3000, account="A")]
    lines += [limit("NA", "net_exposure", "account", 1000, account="A"), limit("GF", "gross_exposure", "firm", 5000)]
    lines += [limit("GS", "gross_exposure", "symbol", 2500, symbol="X"), limit("NS", "net_exposure", "symbol", 100, symbol="X")]
    lines += [limit("GP", "gross_exposure", "account+symbol", 1500, account="A", symbol="X")]
    lines += [limit("CP", "concentration", "account+symbol", "0.75", account="A", symbol="X"), limit("CF", "concentration", "firm", "0.7")]
    lines += [
        trade(1, 10),
        trade(1, 20, "Y"),
        fill(2, "sell", 100, 20, "Y"),
        fill(3, "buy", 120, 10),
        fill(4, "sell", 140, 10, account="B"),
    ]
    records = piped([*lines, trade(5, 20), trade(6, 20.5)])
    assert alerts(records) == [
        (BREACH, "CF|firm|1|breach", 1.0),
        (BREACH, "NA|account:A|1|breach", 2000.0),
        (CLEARED, "CF|firm|1|clear", 0.625),
        (BREACH, "GA|account:A|1|breach", 3200.0),
        (CLEARED, "NA|account:A|1|clear", 800.0),
        (BREACH, "NS|symbol:X|1|breach", 1200.0),
        (BREACH, "GS|symbol:X|1|breach", 2600.0),
        (BREACH, "CF|firm|2|breach", 0.722222222222),
        (BREACH, "GF|firm|1|breach", 7200.0),
        (BREACH, "GP|account:A/symbol:X|1|breach", 2400.0),
    ]
    last = exposures(records)[-1]
    assert (last["grossExposure"], last["netExposure"], last["largestSymbol"]) == (4460.0, 460.0, "X")
    firm = exposures(records, None)[-1]
    assert firm["grossExposure"] == sum(exposures(records, name)[-1]["grossExposure"] for name in "AB")
    assert firm["netExposure"] == pytest.approx(sum(exposures(records, name)[-1]["netExposure"] for name in "AB"))
    assert firm["equity"] == sum(exposures(records, name)[-1]["equity"] for name in "AB")


def test_a_margin_call_and_its_end() -> None:
    lines = [opened(), line("control.instruments", symbol="X", initialMargin="0.5", maintenanceMargin="0.25")]
    lines += [limit("M", "margin_cushion", "account", "0.2", account="A"), trade(1, 100), fill(2, "buy", 3000, 100)]
    records = piped([*lines, trade(3, 90), trade(4, 88.8), trade(5, 94), trade(6, 100)])
    assert alerts(records) == [("MARGIN_CALL", "M|account:A|1|breach", 0.035714285714), (CLEARED, "M|account:A|1|clear", 0.25)]
    last = exposures(records)[-1]
    assert (last["marginUsed"], last["maintenanceMargin"]) == (150000.0, 75000.0)


def test_the_loss_of_a_day() -> None:
    lines = [opened(), limit("L", "daily_loss", "account", 1000, account="A"), limit("F", "daily_loss", "firm", 1000)]
    lines += [trade(1, 100), fill(2, "buy", 100, 100), trade(3, 90), trade(4, 89.99), trade(86_401, 90)]
    assert alerts(piped(lines)) == [
        (BREACH, "F|firm|1|breach", 1001.0),
        (BREACH, "L|account:A|1|breach", 1001.0),
        (CLEARED, "F|firm|1|clear", -1.0),
        (CLEARED, "L|account:A|1|clear", -1.0),
    ]


MIDNIGHT = 86_400


@pytest.mark.parametrize(
    "first",
    [trade(MIDNIGHT, 50, "OTHER"), bar("OTHER", MIDNIGHT, 50), trade(MIDNIGHT, 89.99), order("1", MIDNIGHT, 1, "1")],
)
def test_a_day_begins_with_its_first_event_whatever_it_is_about(first: Line) -> None:
    limits = [limit("L", "daily_loss", "account", 1000, account="A"), limit("F", "daily_loss", "firm", 1000)]
    lines = [
        opened(),
        opened("B"),
        *limits,
        trade(1, 100),
        trade(1, 50, "OTHER"),
        fill(2, "buy", 100, 100),
        fill(2, "buy", 1, 50, "OTHER", "B"),
    ]
    broken = [(BREACH, "F|firm|1|breach", 1001.0), (BREACH, "L|account:A|1|breach", 1001.0)]
    cleared = [(CLEARED, "F|firm|1|clear", 0.0), (CLEARED, "L|account:A|1|clear", 0.0)]
    day = [*lines, trade(3, 89.99), trade(MIDNIGHT - 0.5, 50, "OTHER")]
    assert alerts(piped(day)) == broken
    records = piped([*day, first])
    assert alerts(records) == [*broken, *cleared]
    assert [exposures(records, name)[-1]["dayPnl"] for name in ("A", None)] == [0.0, 0.0]
    again = alerts(piped([*day, first, trade(MIDNIGHT + 1, 79.98)]))
    assert [name for _, name, _ in again[4:]] == ["F|firm|2|breach", "L|account:A|2|breach"]


def test_a_balance_that_comes_just_after_the_day_it_speaks_of_breaches_nothing() -> None:
    """Balances come by another way than marks, so the first mark of a day may pass the last balance of the day before."""

    def said(at_s: float, day_pnl: float) -> Line:
        known = {"account": "A", "currency": "USD", "cash": "1", "equity": 1.0, "dayPnl": day_pnl, "highWaterMark": 1.0}
        header = {"eventId": f"b{at_s}", "correlationId": "", "eventType": "BALANCE_UPDATE", "priority": 3, "timestamp": int(at_s * SECOND)}
        return line("portfolio.accounts", header={**header, "source": "portfolio"}, payload=known)

    limits = [limit("L", "daily_loss", "account", 1000, account="A"), limit("F", "daily_loss", "firm", 1000)]
    start = [*limits, said(1, -1.0), bar("X", MIDNIGHT, 50)]
    assert alerts(piped([*start, said(MIDNIGHT - 1, -1001.0)], ("risk",))) == []
    late = [name for _, name, _ in alerts(piped([*start, said(MIDNIGHT - 61, -1001.0)], ("risk",)))]
    assert late == ["F|firm|1|breach", "L|account:A|1|breach"], "a clock that ran ahead blinds nobody"


CLOSES = [100, 101, 99.5, 102, 98, 97, 99, 103, 101.5, 104]
RETURNS = np.diff(CLOSES) / np.array(CLOSES[:-1])


def test_statistics_are_those_of_the_positions_as_they_stand() -> None:
    lines = [balance(10_000), position("X", 50), *(bar("X", 60 * (at + 1), close) for at, close in enumerate(CLOSES))]
    lines += [bar("M", 60 * (at + 1), 2 * close) for at, close in enumerate(CLOSES)]
    records = piped(lines, ("risk",), risk={"confidence": 0.9, "beta_symbol": "M", "horizon": 4})
    last = exposures(records)[-1]
    series = RETURNS * (50 * CLOSES[-1] / 10_000)
    found = [last[name] for name in ("varHistorical", "varParametric", "varEwma", "expectedShortfall", "realizedVolatility", "beta")]
    asked = (0.9, 4)
    expected = [
        historical_var(series, *asked),
        parametric_var(series, *asked),
        ewma_var(series, *asked),
        expected_shortfall(series, *asked),
    ]
    assert found == pytest.approx([*map(float, expected), float(np.sqrt(np.sum(series**2))), 0.52])
    assert (last["observations"], last["interval"], last["betaSymbol"]) == (9, "1m", "M")
    assert last["expectedShortfall"] >= last["varHistorical"]


@pytest.mark.parametrize("rule", ["var_parametric", "var_ewma", "var_historical", "expected_shortfall", "volatility"])
@pytest.mark.parametrize("scope", ["account", "firm"])
def test_limits_on_statistics(rule: str, scope: str) -> None:
    whom = {"account": "A"} if scope == "account" else {}
    lines = [limit("V", rule, scope, "0.02", **whom), balance(10_000), position("X", 1)]
    lines += [bar("X", 60 * (at + 1), close) for at, close in enumerate(CLOSES)]
    found = alerts(piped([*lines, position("X", 100, 2), position("X", 0, 3)], ("risk",)))
    key = "account:A" if scope == "account" else "firm"
    assert [(kind, event_id) for kind, event_id, _ in found] == [(BREACH, f"V|{key}|1|breach"), (CLEARED, f"V|{key}|1|clear")]


def test_orders_by_size_by_day_and_by_rate() -> None:
    whom = {"account": "A"}
    lines = [limit("N", "order_notional", "account", 1000, **whom), limit("S", "daily_notional", "account", 2500, **whom)]
    lines += [limit("R", "order_rate", "account", 2, **whom), limit("F", "daily_notional", "firm", 3000)]
    lines += [limit("W", "order_rate", "firm", 3, window="1m")]
    lines += [order("1", 10, 10, 100), order("1", 10.1, 10, 100, 2), order("2", 10.2, 11, 100), order("3", 10.3, 4, 100)]
    lines += [
        order("4", 20, 1, 100),
        order("4", 20, 1, 100),
        order("5", 20, 5, 100, account="B"),
        order("9", 20, 999, 100, status="REJECTED"),
    ]
    lines += [order("6", 86_400, 1, 100), trade(86_500, 1)]
    assert alerts(piped(lines, ("risk",))) == [
        (BREACH, "N|account:A|1|breach", 1100.0),
        (CLEARED, "N|account:A|1|clear", 400.0),
        (BREACH, "R|account:A|1|breach", 3.0),
        (CLEARED, "R|account:A|1|clear", 1.0),
        (BREACH, "S|account:A|1|breach", 2600.0),
        (BREACH, "W|firm|1|breach", 4.0),
        (BREACH, "F|firm|1|breach", 3100.0),
        (CLEARED, "F|firm|1|clear", 100.0),
        (CLEARED, "S|account:A|1|clear", 100.0),
        (CLEARED, "W|firm|1|clear", 1.0),
    ]


def test_stops_and_stale_prices_reach_the_bus() -> None:
    lines = [
        limit("SL", "stop_loss", "account+symbol", 95, account="A", symbol="X"),
        limit("TS", "trailing_stop", "account", "0.05", account="A"),
    ]
    lines += [limit("TP", "take_profit", "symbol", 110, symbol="X"), limit("ST", "stale_price", "symbol", 1, symbol="X", window="10s")]
    lines += [opened(), trade(1, 100), fill(2, "buy", 10, 100), trade(3, 110.01), trade(4, 104.5), trade(5, 94.99), trade(20, 1, "Z")]
    assert [(kind, event_id) for kind, event_id, _ in alerts(piped(lines))] == [
        ("TAKE_PROFIT_TRIGGERED", "TP|account:A/symbol:X|1|breach"),
        ("STOP_LOSS_TRIGGERED", "TS|account:A/symbol:X|1|breach"),
        ("STOP_LOSS_TRIGGERED", "SL|account:A/symbol:X|1|breach"),
        (BREACH, "ST|symbol:X|1|breach"),
    ]


def test_a_limit_that_halts_stops_the_account_once_and_a_person_resumes_it() -> None:
    lines = [opened(), limit("H", "position", "account", 10, account="A", onBreach="halt"), trade(1, 1), fill(2, "buy", 11, 1)]
    lines += [fill(3, "buy", 1, 1), line("control.trading", scope="account", account="A", state="ACTIVE", user="kim", reason="checked")]
    lines += [
        line("control.trading", scope="account", account="A", state="ACTIVE"),
        line("control.trading", scope="firm", state="REDUCING"),
    ]
    records = piped(lines)
    halts = [record["value"] for record in records if record["topic"] == "control.trading"]
    assert [halt["header"]["eventId"] for halt in halts] == ["halt|H|account:A/symbol:X|1"]
    assert halts[0]["payload"] == {
        "scope": "account",
        "account": "A",
        "state": "HALTED",
        "reason": "limit H: position of account:A/symbol:X is 11.0, above 10",
        "user": None,
    }
    changes = [(kind, payload["account"], payload["state"], payload["before"], payload["user"]) for kind, payload in trading(records)]
    assert changes == [
        ("TRADING_HALTED", "A", "HALTED", "ACTIVE", None),
        ("TRADING_RESUMED", "A", "ACTIVE", "HALTED", "kim"),
        ("TRADING_HALTED", None, "REDUCING", "ACTIVE", None),
    ]
    audits = [payload for payload in of_type(records, "AUDIT") if payload["subject"].startswith("control.trading")]
    assert [(audit["subject"], audit["user"]) for audit in audits] == [
        ("control.trading/account:A", None),
        ("control.trading/account:A", "kim"),
        ("control.trading/account:A", None),
        ("control.trading/firm", None),
    ]


def test_what_is_told_again_changes_nothing() -> None:
    lines = [opened(), limit("G", "gross_exposure", "account", 500, account="A"), limit("F", "gross_exposure", "firm", 500)]
    lines += [balance(100_000), trade(1, 10), position("X", 100)]
    again = [one for one in lines for _ in range(2)] + lines[-3:]
    flows = ("risk",)
    assert (
        alerts(piped(again, flows))
        == alerts(piped(lines, flows))
        == [
            (BREACH, "F|firm|1|breach", 1000.0),
            (BREACH, "G|account:A|1|breach", 1000.0),
        ]
    )
    assert exposures(piped(again, flows), None)[-1]["grossExposure"] == 1000.0


def test_a_missing_rate_is_not_known_and_a_cross_goes_through_the_pivot() -> None:
    lines = [opened("A", currency="EUR"), line("control.instruments", symbol="X", currency="GBP"), trade(1, 10), fill(2, "buy", 100, 10)]
    lines += [line("market.ticks", type="quote", symbol="EURUSD", timestamp=3 * SECOND, bid=1.25, ask=1.25)]
    lines += [line("market.ticks", type="quote", symbol="USDGBP", timestamp=4 * SECOND, bid=0.8, ask=0.8)]
    found = exposures(piped(lines))
    assert [(one["grossExposure"], one["reason"]) for one in found[1:2]] == [(None, "no rate of GBP in EUR")]
    assert found[-1]["grossExposure"] == pytest.approx(1000.0)
    assert found[-1]["reason"] == "no returns yet of all that it holds"


@pytest.mark.parametrize("ahead_s", [1, 30, 59, 61, 3600])
def test_a_split_scales_positions_and_what_risk_marks_them_at_together(ahead_s: int) -> None:
    split = line("control.actions", action="split", symbol="X", ratio="2", timestamp=(1 + ahead_s) * SECOND)
    gross = limit("G", "gross_exposure", "account", "150000", account="A")
    lines = [opened(), gross, trade(0.5, 100), fill(1, "buy", 1000, 100), trade(1, 100), split]
    records = piped([*lines, trade(1 + ahead_s, 50), trade(2 + ahead_s, 50.5)])
    assert {float(one["quantity"]) for one in of_type(records, "POSITION_UPDATE")} == {1000.0, 2000.0}
    assert alerts(records) == []


def test_a_split_makes_nobody_richer_nor_poorer() -> None:
    split = line("control.actions", action="split", symbol="X", ratio="2", timestamp=2 * SECOND)
    lines = [opened(), limit("D", "drawdown", "account", "0.1", account="A"), trade(0.5, 100), fill(1, "buy", 1000, 100), split]
    records = piped([*lines, trade(3, 50), trade(4, 45)])
    assert {one["equity"] for one in of_type(records, "BALANCE_UPDATE")} == {100000.0, 90000.0}
    assert {one["highWaterMark"] for one in of_type(records, "BALANCE_UPDATE")} == {100000.0}
    assert alerts(records) == []
