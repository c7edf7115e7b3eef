"""What indicators are made of: sums that do not drift, extremes, and a session's end."""

from __future__ import annotations

import random
from math import fsum, ulp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.indicators.batch import compute
from operators.indicators.extremes import Extremes
from operators.indicators.indicator import PriceBar
from operators.indicators.names import parse_indicator
from operators.indicators.total import Total
from operators.indicators.window import WindowSum

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000

numbers = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(numbers, st.integers(1, 10))
def test_the_sum_of_a_window_is_that_of_its_numbers(values: list[float], size: int) -> None:
    window = WindowSum(size)
    for at, value in enumerate(values):
        found = window.add(value)
        assert (found is None) == (at + 1 < size)
        if found is not None:
            expected = fsum(values[at + 1 - size : at + 1])
            assert abs(found - expected) <= ulp(expected) + 1e-16, "1e-16 is 1e-30 of what may have passed through"


def test_sums_do_not_drift_after_spikes_and_a_hundred_thousand_bars() -> None:
    rng = random.Random(5)
    window, total, values, found = WindowSum(20), Total(), [0.0], None
    for at in range(100_000):
        value = rng.choice([1e-6, 0.1, 1e3]) * rng.random() if at % 1_000 else 1e17
        values.append(value)
        found = window.add(value)
        total.add(value)
    assert found == fsum(values[-20:])
    assert total.value == fsum(values)


def test_a_spike_that_left_leaves_nothing_behind() -> None:
    quiet = [PriceBar(100 + at % 7, 101 + at % 7, 99, 100 + at % 7, 10, at, at) for at in range(60)]
    spiked = [PriceBar(1e14, 1e14, 1e14, 1e14, 1e14, 0, 0), *quiet]
    for name in ("sma(20)", "wma(20)", "bb(20,2)", "stdev(20)", "zscore(20)", "cci(20)", "slope(20)", "er(20)", "mfi(20)", "stoch(5,3,3)"):
        assert compute(name, spiked)[-30:] == compute(name, quiet)[-30:], name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(1, 8))
def test_extremes_are_those_of_the_window_and_the_first_of_equals(values: list[int], size: int) -> None:
    extremes = Extremes(size)
    for at, value in enumerate(values):
        assert extremes.add(value, value) == (at + 1 >= size)
        window = values[max(0, at + 1 - size) : at + 1]
        assert (extremes.high, extremes.low) == (max(window), min(window))
        assert extremes.ages == (len(window) - 1 - window.index(max(window)), len(window) - 1 - window.index(min(window)))


@pytest.mark.parametrize(
    ("lengths", "resets"),
    [
        (MINUTE_NS, True),
        (0, True),  # the day held two bars, so they are shorter than a day
        (DAY_NS, False),
    ],
)
def test_vwap_starts_anew_with_a_session(lengths: int, *, resets: bool) -> None:
    starts = [0, 10 * MINUTE_NS, DAY_NS] if lengths < DAY_NS else [0, DAY_NS, 2 * DAY_NS]
    bars = [PriceBar(price, price, price, price, 1.0, start, start + lengths) for price, start in zip((10, 20, 60), starts, strict=True)]
    assert compute("vwap", bars) == [10, 15, 60 if resets else 30]


def test_what_has_no_answer_is_none() -> None:
    flat = [PriceBar(5, 5, 5, 5, 0, at, at) for at in range(40)]
    for name in ("rsi(5)", "zscore(5)", "cci(5)", "willr(5)", "mfi(5)", "vwap"):
        assert compute(name, flat)[-1] is None, name
    pair = parse_indicator("correlation(3,SPY)").make()
    assert [pair.update(5.0, float(at)) for at in range(5)] == [None] * 5


def test_a_channel_leaves_the_present_bar_out() -> None:
    bars = [PriceBar(10, 10 + at, 10 - at, 10, 1, at, at) for at in range(4)]
    assert compute("donchian(2)", bars) == [None, None, {"upper": 11, "middle": 10, "lower": 9}, {"upper": 12, "middle": 10, "lower": 8}]
