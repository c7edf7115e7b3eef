"""The desk: one signal for each change, one order for each change of target, one dead letter for each failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.indicators.indicator import PriceBar
from operators.indicators.measured import Measured
from operators.indicators.settings import IndicatorSettings
from operators.signals.desk import MAX_FAILURES, StrategyDesk
from operators.signals.settings import SignalsSettings, StrategySettings
from schemas.dead_letters import Reason

LEVELS = StrategySettings("levels", expression="close > 10 ? 'buy' : close < 10 ? 'sell' : 'flat'")
SETTINGS = SignalsSettings(IndicatorSettings((), ("1m",)), (LEVELS,), account="ACC", quantity=Decimal("2.5"))


def bars(closes: Sequence[float], symbol: str = "A", interval: str | None = "1m", volume: float = 1.0) -> list[Measured]:
    return [Measured(symbol, interval, PriceBar(1, 1, 1, close, volume, at, at + 1), at, {}) for at, close in enumerate(closes)]


def test_a_signal_and_an_order_for_each_change() -> None:
    said = StrategyDesk(SETTINGS).on_measured(bars([10, 11, 12, 9, 10, 10, 11]))
    assert [(str(one.payload.bar_end)[-3:-1], one.payload.action) for one in said.signals] == [
        ("02", "buy"),
        ("04", "sell"),
        ("05", "flat"),
        ("07", "buy"),
    ]
    orders = [(one.payload.side, one.payload.quantity, one.payload.order_type) for one in said.commands]
    assert orders == [
        ("buy", Decimal("2.5"), "market"),
        ("sell", Decimal("5.0"), "market"),
        ("buy", Decimal("2.5"), "market"),
        ("buy", Decimal("2.5"), "market"),
    ]
    signal, command = said.signals[0], said.commands[0]
    assert signal.header.event_id == "signal|levels|A|1m|2"
    assert signal.header.correlation_id == command.header.correlation_id == "bar|A|1m|1"
    assert command.payload.order_id == command.payload.idempotency_key == "levels|A|1m|2"
    assert (command.payload.account, command.payload.strategy) == ("ACC", "levels")


@given(st.lists(st.sampled_from([9.0, 10.0, 11.0]), max_size=40), st.booleans())
def test_orders_lead_to_the_position_of_the_last_signal(closes: list[float], allows_short: bool) -> None:
    said = StrategyDesk(replace(SETTINGS, allows_short=allows_short)).on_measured(bars(closes))
    actions = [one.payload.action for one in said.signals]
    assert all(one != two for one, two in zip(["flat", *actions], actions, strict=False)), "never the same twice"
    signed = [one.payload.quantity if one.payload.side == "buy" else -one.payload.quantity for one in said.commands if one.payload.quantity]
    targets = {"buy": Decimal("2.5"), "flat": Decimal(0), "sell": Decimal("-2.5") if allows_short else Decimal(0)}
    assert sum(signed, Decimal(0)) == targets[actions[-1] if actions else "flat"]
    assert all(signed)
    assert len({one.payload.order_id for one in said.commands}) == len(signed)


def test_each_symbol_and_interval_stands_apart() -> None:
    desk = StrategyDesk(SETTINGS)
    said = desk.on_measured([*bars([11]), *bars([11], interval=None), *bars([11], "B"), *bars([11])])
    assert [(one.payload.symbol, one.payload.interval) for one in said.signals] == [("A", "1m"), ("A", None), ("B", "1m")]


def test_only_its_symbols_and_interval() -> None:
    narrow = replace(LEVELS, symbols=("A", "C"), interval="1m")
    said = StrategyDesk(replace(SETTINGS, strategies=(narrow,))).on_measured([*bars([11], "B"), *bars([11], interval="1h"), *bars([11])])
    assert [one.payload.symbol for one in said.signals] == ["A"]


def test_a_long_name_still_makes_an_id() -> None:
    desk = StrategyDesk(replace(SETTINGS, strategies=(replace(LEVELS, name="n" * 64),)))
    made = desk.on_measured([*bars([11], "X" * 64), *bars([11], "Y" * 64), *bars([11], "X" * 64, interval="9" * 32)]).commands
    ids = {one.payload.order_id for one in made}
    assert len(ids) == 3
    assert all(one and len(one) <= 128 for one in ids)


def test_without_an_account_no_orders() -> None:
    said = StrategyDesk(replace(SETTINGS, account="")).on_measured(bars([11, 9]))
    assert (len(said.signals), len(said.commands)) == (2, 0)


def test_a_failure_is_said_once_until_it_is_well_again_and_nothing_stops() -> None:
    dividing = StrategySettings("dividing", buy="close / volume > 1", sell="close < 10")
    desk = StrategyDesk(replace(SETTINGS, strategies=(dividing, LEVELS)))
    said = desk.on_measured([*bars([11, 11], volume=0.0), *bars([12]), *bars([9, 9], volume=0.0)])
    letter = (Reason.NUMBER, "strategy 'dividing' has no value: division by zero")
    assert [(one.reason, one.detail, one.offset) for one in said.rejects] == [(*letter, 0), (*letter, 0)]
    assert [(one.payload.strategy, one.payload.action) for one in said.signals] == [
        ("levels", "buy"),
        ("dividing", "buy"),
        ("levels", "sell"),
    ]
    again = StrategyDesk(replace(SETTINGS, strategies=(dividing,)))
    again.restore(desk.snapshot())
    assert not again.on_measured(bars([9], volume=0.0)).rejects, "also not after a restart"


def test_each_cause_is_said_once() -> None:
    strange = StrategySettings("strange", buy="math.sqrt(close - 10) / volume > 1")
    desk = StrategyDesk(replace(SETTINGS, strategies=(strange,)))
    divided, computed = bars([11], volume=0.0), bars([9])
    said = desk.on_measured([*divided, *computed, *divided, *computed, *bars([11]), *computed])
    assert [one.detail.partition(": ")[2].split(",")[0] for one in said.rejects] == [
        "division by zero",
        "expected finite numbers",
        "expected finite numbers",
    ]


def test_only_so_many_causes_are_remembered() -> None:
    texts = StrategySettings("texts", expression="'a' + string(close)")
    desk = StrategyDesk(replace(SETTINGS, strategies=(texts,)))
    assert len(desk.on_measured(bars(range(20))).rejects) == MAX_FAILURES


def test_indicators_are_shown_by_their_configured_text() -> None:
    settings = SignalsSettings(IndicatorSettings(("sma( 2 )",)), (StrategySettings("x", buy="close > sma(2) && obv >= 0"),))
    desk = StrategyDesk(settings)
    assert desk.extra_indicators == ("obv",)
    [bar] = bars([11])
    said = desk.on_measured([Measured("A", None, bar.bar, 0, {"sma( 2 )": 10.0, "obv": 0.0})])
    assert said.signals[0].payload.indicators == {"sma( 2 )": 10.0, "obv": 0.0}


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2, found 1"):
        StrategyDesk(SETTINGS).restore({"version": 1, "standings": []})
