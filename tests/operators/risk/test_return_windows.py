"""Windows of returns: equal to all bars taken at once, whatever their order among symbols."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.risk.statistics.returns import MAX_SIZE, ReturnWindows
from schemas.market_frames import BAR
from schemas.symbols import SYMBOLS
from tests.operators.cases_risk_returns import SIZE, SYMBOLS_OF_CASE, bar, return_inputs, shown, sorted_fold

_ROOT = Path(__file__).resolve().parents[3]
NAN = float("nan")
CODES = [SYMBOLS.code(symbol) for symbol in SYMBOLS_OF_CASE]


def fed(bars: list[np.ndarray], size: int = SIZE) -> ReturnWindows:
    windows = ReturnWindows("1m", ("1s", "1m"), size)
    for row in bars:
        windows.on_bars(row)
    return windows


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_stream_equals_all_bars_at_once_also_mixed_otherwise(seed: int) -> None:
    bars = list(return_inputs(seed))
    ends, returns = sorted_fold(bars, SIZE, SYMBOLS_OF_CASE)
    rng = random.Random(seed)
    by_symbol = [[row for row in bars if row["symbol"][0] == code] for code in CODES]
    mixed = []
    while any(by_symbol):
        mixed.append(rng.choice([own for own in by_symbol if own]).pop(0))
    for order in (bars, mixed):
        windows = fed(order)
        assert windows.ends.tolist() == ends
        np.testing.assert_array_equal(windows.matrix(CODES), np.array([returns[symbol] for symbol in SYMBOLS_OF_CASE]).reshape(4, -1))


def test_what_a_hole_a_late_bar_and_a_new_symbol_do() -> None:
    windows = fed([bar("AMZN", 60, 100), bar("AMZN", 120, 110), bar("MSFT", 120, 50), bar("AMZN", 180, 99)])
    np.testing.assert_allclose(windows.matrix(CODES[:2]), [[0.1, -0.1], [NAN, 0.0]])
    windows.on_bars(bar("MSFT", 180, 55))
    windows.on_bars(bar("MSFT", 180, 77))
    windows.on_bars(bar("AMZN", 120, 1))
    np.testing.assert_allclose(windows.matrix(CODES[:2]), [[0.1, -0.1], [NAN, 0.1]])
    np.testing.assert_allclose(windows.matrix(CODES[:2], until_ns=179), [[0.1], [NAN]])
    windows.on_bars(bar("AMZN", 240, -5))
    np.testing.assert_allclose(windows.matrix(CODES[:1]), [[0.1, -0.1, NAN]])
    assert np.isnan(windows.matrix([SYMBOLS.code("NEVER SEEN")])).all()


def test_many_windows_go_through_the_spare_columns() -> None:
    prices = np.cumprod(1 + np.random.default_rng(5).normal(0, 0.01, 1_000))
    windows = fed([bar("AMZN", 60 * at, price) for at, price in enumerate(prices)], 100)
    np.testing.assert_array_equal(windows.matrix(CODES[:1])[0], prices[-100:] / prices[-101:-1] - 1)


def test_a_long_history_of_a_symbol_behind_the_others_is_carried_into_the_oldest_window() -> None:
    ahead = [bar("AMZN", 60 * at, 100 + at) for at in range(20)]
    behind = [bar("MSFT", 60 * at, 50 + at) for at in range(15)]
    assert shown(fed(ahead + behind)) == shown(fed([row for pair in zip(ahead, [*behind, *behind[:5]], strict=True) for row in pair]))


def test_nothing_of_no_interval_and_of_another() -> None:
    windows = ReturnWindows("1m", ("1s",))
    assert not windows.on_bars(np.zeros(0, BAR))
    assert not windows.on_bars(bar("AMZN", 60, 100, 0))
    assert windows.matrix(CODES).shape == (4, 0)


@pytest.mark.parametrize("size", [1, MAX_SIZE + 1])
def test_sizes_are_bounded(size: int) -> None:
    with pytest.raises(ValueError, match=str(MAX_SIZE)):
        ReturnWindows("1m", ("1m",), size)


def test_a_smaller_window_keeps_the_newest_and_another_interval_nothing() -> None:
    bars = [bar("AMZN", 60 * at, 100 + at % 7) for at in range(20)]
    stored = fed(bars, 10).snapshot()
    smaller = ReturnWindows("1m", ("1s", "1m"), 4)
    smaller.restore(stored)
    assert shown(smaller) == shown(fed(bars, 4))
    other = ReturnWindows("1s", ("1s", "1m"), 4)
    other.restore(stored)
    assert not other.symbols


def test_stored_state_means_the_same_in_a_process_with_other_codes() -> None:
    stored = fed([bar(symbol, 60 * at, 100 + 7 * at % 5) for at in range(9) for symbol in ("AMZN", "MSFT")]).snapshot()
    program = (
        "import pickle, sys; from schemas.symbols import SYMBOLS; from operators.risk.statistics.returns import ReturnWindows\n"
        "SYMBOLS.code('FIRST'); codes = [SYMBOLS.code('MSFT'), SYMBOLS.code('AMZN')]\n"
        "windows = ReturnWindows('1m', ('1s', '1m'), 5); windows.restore(pickle.loads(sys.stdin.buffer.read()))\n"
        "sys.stdout.buffer.write(pickle.dumps(windows.matrix(codes[::-1]).tolist()))"
    )
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(stored), capture_output=True, check=True, cwd=_ROOT)
    windows = ReturnWindows("1m", ("1s", "1m"), SIZE)
    windows.restore(stored)
    assert pickle.loads(done.stdout) == windows.matrix(CODES[:2]).tolist()
