"""Marks, volatility and the volume of the day, computed again with NumPy from the definitions."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.columns import TableOptions
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

DATA = Path(__file__).resolve().parents[2] / "data" / "market"
DAY_NS = 86_400 * 10**9
EVENING_NS = int(datetime(2012, 6, 21, 23, 59, 58, tzinfo=UTC).timestamp()) * 10**9
DECAY = 0.94

Floats = npt.NDArray[np.float64]


def marks(source: Path | bytes, table: TableOptions | None = None) -> dict[str, dict[str, Any]]:
    """The last mark of each symbol."""
    out = io.BytesIO()
    run_pipe_over(Settings(), ["market"], source if isinstance(source, Path) else io.BytesIO(source), out, table=table)
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    found = [event["value"]["payload"] for event in events if event["topic"] == "market.marks"]
    return {mark["symbol"]: mark for mark in found}


def ewma_volatility(prices: Floats) -> float | None:
    squares = np.diff(np.log(prices)) ** 2
    if not len(squares):
        return None
    # v_n = lambda^n r_0^2 + (1 - lambda) sum lambda^(n - i) r_i^2, which the recursion unrolls to.
    weights = (1 - DECAY) * DECAY ** np.arange(len(squares) - 1, -1, -1, dtype=float)
    weights[0] = DECAY ** (len(squares) - 1)
    return float(np.sqrt(np.sum(weights * squares)))


def realized_volatility(times: npt.NDArray[np.int64], prices: Floats) -> float | None:
    today = prices[times // DAY_NS == times[-1] // DAY_NS]
    return float(np.sqrt(np.sum(np.diff(np.log(today)) ** 2))) if len(today) > 1 else None


def test_of_the_amzn_session() -> None:
    path = DATA / "amzn-trades-2012-06-21.csv"
    rows = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2))
    assert rows.shape == (11_419, 2)
    table = TableOptions.parse(columns="timestamp=Time,price=Price,size=Volume", price_scale="0.0001", symbol="AMZN")
    mark = marks(path, table)["AMZN"]
    prices = rows[:, 0] / 10_000
    assert mark["price"] == prices[-1]
    assert mark["size"] == rows[-1, 1]
    assert mark["dayVolume"] == rows[:, 1].sum()
    assert mark["ewmaVolatility"] == pytest.approx(ewma_volatility(prices), rel=1e-9)
    assert mark["realizedVolatility"] == pytest.approx(np.sqrt(np.sum(np.diff(np.log(prices)) ** 2)), rel=1e-9)
    assert (mark["bid"], mark["ask"], mark["mid"], mark["sequence"]) == (None, None, None, None)


trade = st.tuples(
    st.sampled_from(["A", "B"]), st.integers(0, 1500), st.integers(1, 10_000).map(lambda cents: cents / 100), st.integers(0, 50)
)
quote = st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 1500), st.integers(1, 10_000).map(lambda cents: cents / 100))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(trade, quote), min_size=1, max_size=40))
def test_of_any_trades_and_quotes_across_midnight(events: list[Any]) -> None:
    time_ns, lines, trades, quotes = EVENING_NS, [], dict[str, list[Any]](), dict[str, list[Any]]()
    for sequence, (symbol, wait_ms, price, *size) in enumerate(events):
        time_ns += wait_ms * 10**6
        tick = {"symbol": symbol, "timestamp": time_ns, "sequence": sequence}
        if size:
            lines.append({**tick, "type": "trade", "price": price, "size": size[0]})
            trades.setdefault(symbol, []).append((time_ns, price, size[0]))
        else:
            lines.append({**tick, "type": "quote", "bid": price, "ask": price + 0.5})
            quotes.setdefault(symbol, []).append((time_ns, price, price + 0.5))
    found = marks("\n".join(map(json.dumps, lines)).encode())
    assert found.keys() == trades.keys() | quotes.keys()
    for symbol, mark in found.items():
        check(mark, trades.get(symbol, []), quotes.get(symbol, []), [line for line in lines if line["symbol"] == symbol])


def check(mark: dict[str, Any], trades: list[Any], quotes: list[Any], lines: list[Any]) -> None:
    assert mark["sequence"] == lines[-1]["sequence"]
    assert (mark["price"], mark["size"]) == (trades[-1][1:] if trades else (None, None))
    assert (mark["bid"], mark["ask"]) == (quotes[-1][1:] if quotes else (None, None))
    assert mark["mid"] == ((quotes[-1][1] + quotes[-1][2]) / 2 if quotes else None)
    today = lines[-1]["timestamp"] // DAY_NS
    assert mark["dayVolume"] == sum(size for time_ns, _, size in trades if time_ns // DAY_NS == today)
    # Until the first trade the prices are mids; the first trade starts over.
    points = [(time_ns, price) for time_ns, price, _ in trades] or [(time_ns, (bid + ask) / 2) for time_ns, bid, ask in quotes]
    times, prices = np.array([time for time, _ in points]), np.array([price for _, price in points])
    assert is_near(mark["ewmaVolatility"], ewma_volatility(prices))
    if times[-1] // DAY_NS == today:
        assert is_near(mark["realizedVolatility"], realized_volatility(times, prices))


def is_near(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
