"""The board: repeats, pairs, bounds, and settings that change between runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.indicators import board as board_module
from operators.indicators.board import Indicators, others_of
from operators.indicators.flow_windows import FlowWindow
from operators.indicators.indicator import PriceBar
from operators.indicators.settings import IndicatorSettings
from schemas.dead_letters import Reason
from tests.operators.cases_indicators import row


def board(*indicators: str) -> Indicators:
    return Indicators(IndicatorSettings(indicators, ("1s",)))


def bar(end: int, close: float) -> PriceBar:
    return PriceBar(close, close, close, close, 1.0, end - 1, end)


def take(one: Indicators, symbol: str, *bars: PriceBar) -> list[tuple[int, dict[str, Any]]]:
    made, rejects = one.on_bars(np.concatenate([row(symbol, each) for each in bars]))
    assert not rejects
    return [(one.bar.end, one.values) for one in made]


def test_a_repeat_and_an_older_bar_change_nothing() -> None:
    one = board("sma(2)")
    assert take(one, "A", bar(1, 10), bar(2, 20)) == [(1, {"sma(2)": None}), (2, {"sma(2)": 15})]
    before = one.snapshot()
    assert take(one, "A", bar(2, 99), bar(1, 5)) == []
    assert one.snapshot() == before
    assert take(one, "A", bar(3, 30)) == [(3, {"sma(2)": 25})]


def test_a_pair_waits_for_the_other_and_says_none_where_it_has_no_bar() -> None:
    one = board("sma(1)", "correlation(2,SPY)")
    assert take(one, "A", bar(1, 10), bar(2, 20), bar(3, 30), bar(4, 20)) == []

    def told(*bars: PriceBar) -> list[tuple[int, Any]]:
        events = one.on_others(np.concatenate([row("SPY", each) for each in bars]))
        return [(event.bar.end, event.values["correlation(2,SPY)"]) for event in events]

    assert told(bar(1, 7)) == [(1, None)]
    assert told(bar(3, 9)) == [(2, None), (3, pytest.approx(1.0))], "the other has no bar of end 2"
    assert told(bar(3, 5)) == []
    assert told(bar(4, 12)) == [(4, pytest.approx(-1.0))]
    assert take(one, "A", bar(6, 1)) == []
    assert [event.values for event in one.on_end()] == [{"sma(1)": 1, "correlation(2,SPY)": None}]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "MAX_WAITING", 3)
    one = board("beta(2,SPY)")
    assert [end for end, _ in take(one, "A", *(bar(end, 1) for end in range(1, 7)))] == [1, 2, 3]


def test_a_bar_beyond_all_bounds_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    one = board("sma(2)")
    made, rejects = one.on_bars(np.concatenate([row("A", bar(1, 1e76)), row("A", bar(1, 1))]))
    assert [reject.reason for reject in rejects] == [Reason.NUMBER]
    assert len(made) == 1
    monkeypatch.setattr(board_module, "MAX_SERIES", 1)
    made, rejects = one.on_bars(row("B", bar(1, 1)))
    assert not made
    assert [reject.reason for reject in rejects] == [Reason.TOO_LARGE]


def test_what_was_configured_since_begins_afresh() -> None:
    one = board("sma(2)", "ema(2)")
    take(one, "A", bar(1, 10))
    two = board("ema(2)", "roc(1)", "sma(2)")
    two.restore(one.snapshot())
    assert take(two, "A", bar(2, 20)) == [(2, {"ema(2)": 15, "roc(1)": None, "sma(2)": 15})]


def test_the_symbols_that_pairs_name() -> None:
    assert others_of(("sma(2)", "beta(2,SPY)", "correlation(5,QQQ)", "beta(9,SPY)")) == {"SPY", "QQQ"}


def test_bars_that_waited_are_said_when_they_need_not_wait_any_more() -> None:
    one, two = board("sma(1)", "ofi"), board("sma(1)")
    assert take(one, "A", bar(1, 10), bar(2, 20)) == []
    two.restore(one.snapshot())
    assert take(two, "A", bar(3, 30)) == [(end, {"sma(1)": 10 * end}) for end in (1, 2, 3)]


def test_a_bar_waits_for_its_window_of_ticks() -> None:
    one = board("ofi", "sma(1)")
    assert take(one, "A", bar(1, 10), bar(2, 20), bar(3, 30)) == []

    def told(end: int) -> list[tuple[int, Any]]:
        return [(made.bar.end, made.values["ofi"]) for made in one.on_flow([FlowWindow("A", "1s", end, (end / 2,))])]

    assert told(1) == [(1, 0.5)]
    assert told(3) == [(2, None), (3, 1.5)], "no tick of the second window was seen"
    assert told(5) == []
    assert [(end, values["ofi"]) for end, values in take(one, "A", bar(4, 1), bar(5, 1))] == [(4, None), (5, 2.5)]
