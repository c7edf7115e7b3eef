"""Laws of the simulated market."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import UsageError
from schemas.symbols import SYMBOLS
from schemas.ticks import BUY, QUOTE, SELL, TRADE, Rows
from sources.simulator import HANDFUL, START_NS, STRIDE, Law, Simulator


def drawn(simulator: Simulator, count: int, block: int = 1 << 20) -> Rows:
    return np.concatenate(list(simulator.blocks(count, block)))


def same(one: Rows, two: Rows) -> bool:
    """Field by field, for the bytes between the fields of a record are anything."""
    assert one.dtype.names is not None
    return len(one) == len(two) and all(
        np.array_equal(one[name], two[name], equal_nan=one[name].dtype.kind == "f") for name in one.dtype.names
    )


def test_the_same_seed_gives_the_same_ticks_and_another_one_others() -> None:
    first, again, other = (drawn(Simulator(50, 1000, seed), 70_000) for seed in (7, 7, 8))
    assert same(first, again)
    assert (first["symbol"] != other["symbol"]).any()
    assert (first["time"] != other["time"]).any()


@settings(max_examples=15)
@given(st.integers(1, 2 * STRIDE), st.integers(50, STRIDE + 100), st.booleans())
def test_the_size_of_blocks_changes_nothing(count: int, block: int, u_shaped: bool) -> None:
    simulator = Simulator(20, 1e5, law=Law(u_shaped=u_shaped))
    sizes = [len(rows) for rows in simulator.blocks(count, block)]
    assert sizes[:-1] == [block] * (len(sizes) - 1)
    assert same(drawn(simulator, count, block), drawn(simulator, 2 * STRIDE)[:count])


@given(st.integers(1, 3000), st.floats(0.1, 1e8), st.integers(0, 2**40), st.booleans())
@settings(max_examples=20)
def test_time_never_falls_and_keeps_the_rate(symbols: int, rate: float, seed: int, u_shaped: bool) -> None:
    rows = drawn(Simulator(symbols, rate, seed, law=Law(u_shaped=u_shaped)), STRIDE)
    assert (np.diff(rows["time"]) >= 0).all()
    assert rows["time"][0] >= START_NS
    assert (rows["watermark"] == rows["time"]).all()
    if not u_shaped:
        due = START_NS + np.arange(STRIDE) / rate * 1e9
        late = rows["time"] - due
        slack = 1024  # a double counts nanoseconds from the start at a step of so many after a year
        assert (late >= -slack).all()
        assert (late <= 1e9 / rate + slack).all()


def test_sequences_count_each_symbol_and_offsets_all() -> None:
    rows = drawn(Simulator(300), 3 * STRIDE + 5)
    assert (rows["offset"] == np.arange(1, len(rows) + 1)).all()
    for code in np.unique(rows["symbol"]).tolist():
        mine = rows[rows["symbol"] == code]["sequence"]
        assert (mine == np.arange(1, len(mine) + 1)).all()


def test_activity_follows_zipf() -> None:
    count, ticks = 100, 400_000
    simulator = Simulator(count, law=Law(zipf=1.2))
    rows = drawn(simulator, ticks)
    codes = [SYMBOLS.code(name) for name in simulator.names]
    found = np.array([(rows["symbol"] == code).sum() for code in codes])
    share = np.arange(1, count + 1) ** -1.2
    share /= share.sum()
    # Six standard deviations of a binomial count.
    assert (np.abs(found - ticks * share) < 6 * np.sqrt(ticks * share)).all()


def returns(law: Law, symbols: int = 4, steps: int = 1500) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Logarithmic returns of middle prices over equal times, shape (symbols, steps)."""
    simulator = Simulator(symbols, 200.0, law=law)
    rows = drawn(simulator, 200 * 10 * (steps + 1))
    grid = START_NS + np.arange(1, steps + 2) * 10_000_000_000
    paths = []
    for name in simulator.names:
        mine = rows[(rows["symbol"] == SYMBOLS.code(name)) & (rows["kind"] == QUOTE)]
        at = np.searchsorted(mine["time"], grid, side="right") - 1
        paths.append(np.diff(np.log((mine["bid"][at] + mine["ask"][at]) / 2)))
    return np.array(paths)


SMOOTH = {"zipf": 0.0, "quote_share": 1.0, "price": (100.0, 500.0), "tick_size": 1e-6, "volatility": (0.3, 0.3)}


def test_symbols_of_a_sector_move_together_more_than_others() -> None:
    # A correlation of 1500 pairs has a standard deviation of about 0.026; five of them.
    found = np.asarray(np.corrcoef(returns(Law(market_share=0.4, sector_share=0.3, sectors=2, **SMOOTH))))  # type: ignore[arg-type]
    for one, two, wanted in ((0, 2, 0.7), (1, 3, 0.7), (0, 1, 0.4), (2, 3, 0.4), (1, 2, 0.4)):
        assert found[one, two] == pytest.approx(wanted, abs=0.13)


def test_without_common_shares_symbols_move_alone() -> None:
    found = np.corrcoef(returns(Law(market_share=0.0, sector_share=0.0, **SMOOTH)))  # type: ignore[arg-type]
    assert np.abs(found - np.eye(4)).max() < 0.13


def test_volatility_is_as_it_was_set() -> None:
    found = returns(Law(**SMOOTH)).std(axis=1) / np.sqrt(10.0) * np.sqrt(252 * 23_400)  # type: ignore[arg-type]
    assert found == pytest.approx(np.full(4, 0.3), rel=0.1)


def test_quiet_symbols_move_as_far_as_busy_ones() -> None:
    symbols, strides, sigma = 20_000, 6, 0.3
    law = Law(
        market_share=0.0, sector_share=0.0, zipf=0.0, quote_share=1.0, price=(100.0, 100.0), tick_size=1e-6, volatility=(sigma, sigma)
    )
    rate = strides * STRIDE / 23_400
    rows = drawn(Simulator(symbols, rate, law=law), strides * STRIDE)
    last = rows[len(rows) - 1 - np.unique(rows["symbol"][::-1], return_index=True)[1]]
    seconds = (last["time"] - START_NS) / 1e9
    moved = np.log((last["bid"] + last["ask"]) / 200.0) / (sigma * np.sqrt(seconds / (252 * 23_400)))
    assert len(last) == symbols
    # A standard deviation of 20,000 draws is known to half a percent; a lognormal mean of a day hardly differs from 0.
    assert moved.std() == pytest.approx(1.0, rel=0.03)
    assert moved.mean() == pytest.approx(0.0, abs=0.05)


def test_prices_are_whole_ticks_and_trades_are_at_the_quote() -> None:
    rows = drawn(Simulator(10, law=Law(quote_share=0.3)), 100_000)
    quotes, trades = rows[rows["kind"] == QUOTE], rows[rows["kind"] == TRADE]
    assert len(quotes) + len(trades) == len(rows)
    assert len(quotes) / len(rows) == pytest.approx(0.3, abs=0.01)
    for prices in (trades["price"], quotes["bid"], quotes["ask"]):
        assert (prices == np.round(prices, 2)).all()
        assert (prices > 0).all()
    assert (quotes["ask"] > quotes["bid"]).all()
    assert set(np.unique(trades["side"]).tolist()) == {BUY, SELL}
    for sizes in (trades["size"], quotes["bid_size"], quotes["ask_size"]):
        assert (sizes % 100 == 0).all()
        assert (sizes > 0).all()
    for absent in (trades["bid"], trades["ask_size"], quotes["price"], quotes["size"]):
        assert np.isnan(absent).all()


def test_a_session_is_busy_at_both_ends() -> None:
    rows = drawn(Simulator(5, 10.0, law=Law(u_shaped=True)), 234_000)
    within = (rows["time"] - START_NS) / 1e9 / 23_400
    assert within[-1] == pytest.approx(1.0, abs=1e-4), "with the same mean rate"
    tenths = np.histogram(within, bins=10, range=(0, 1))[0]
    assert tenths[0] > 2 * tenths[4]
    assert tenths[9] > 2 * tenths[5]


def test_names_may_be_given_and_a_handful_is_lively() -> None:
    simulator = Simulator.handful()
    rows = drawn(simulator, 2000)
    assert simulator.names == list(HANDFUL)
    assert {SYMBOLS.names[code] for code in rows["symbol"].tolist()} == set(HANDFUL)


@pytest.mark.parametrize(
    "arguments",
    [
        {"symbols": 0},
        {"symbols": ["A", "A"]},
        {"rate": 0},
        {"rate": float("nan")},
        {"seed": -1},
        {"start_ns": -1},
        {"law": Law(market_share=0.9)},
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Simulator(**arguments)  # type: ignore[arg-type]
