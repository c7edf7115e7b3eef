"""Order flow of real quotes and trades equals a plain computation, window by window."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from operators.indicators.settings import IndicatorSettings
from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from operators.market.watermarks import fill_watermarks
from operators.orderflow.shard import OrderFlow
from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, QUOTE, TRADE, WATERMARK, Rows, TickFrame, empty_rows
from schemas.times import END_OF_TIME_NS
from tests.operators import amzn, streams

MINUTE_NS = 60_000_000_000


def ended(rows: Rows) -> Rows:
    """With watermarks, and the end of time as the last row."""
    end = empty_rows(1)
    end["kind"], end["symbol"], end["time"] = WATERMARK, NO_SYMBOL, END_OF_TIME_NS
    whole = np.concatenate([rows, end])
    fill_watermarks(whole, {})
    return whole


def quotes() -> Rows:
    """9,500 real quotes; sizes, which the file lacks, are made up."""
    with (amzn.DATA / "eurusd-quotes-2020-01-01.csv").open() as file:
        lines = list(csv.reader(file))
    rng, rows = random.Random(4), empty_rows(len(lines))
    for row, (time, bid, ask, *_) in zip(rows, lines, strict=True):
        row["time"] = int(datetime.strptime(f"{time}000+0000", "%Y%m%d %H%M%S%f%z").timestamp() * 1000) * 1_000_000
        row["bid"], row["ask"] = float(bid), float(ask)
        row["bid_size"], row["ask_size"] = rng.randrange(1, 50), rng.randrange(1, 50)
    rows["kind"], rows["symbol"] = QUOTE, SYMBOLS.code("EUR/USD")
    return rows


def by_window(rows: Rows, indicators: Sequence[str], batch: int = 1000) -> dict[int, tuple[float | None, ...]]:
    """Values by the end of a minute."""
    flow = OrderFlow(IndicatorSettings(tuple(indicators), ("1m",)))
    whole = ended(rows)
    made = [one for at in range(0, len(whole), batch) for one in flow.on_frame(TickFrame(whole[at : at + batch]))]
    assert [one.end for one in made] == sorted({one.end for one in made})
    return {one.end: one.values for one in made}


def end_of(row: np.void) -> int:
    return int(row["time"]) // MINUTE_NS * MINUTE_NS + MINUTE_NS


def test_imbalance_and_microprice_of_real_quotes() -> None:
    rows = quotes()
    imbalance, micro = defaultdict[int, float](float), dict[int, float]()
    for before, now in pairwise(rows):
        gained = (now["bid_size"] if now["bid"] >= before["bid"] else 0) - (before["bid_size"] if now["bid"] <= before["bid"] else 0)
        lost = (now["ask_size"] if now["ask"] <= before["ask"] else 0) - (before["ask_size"] if now["ask"] >= before["ask"] else 0)
        imbalance[end_of(now)] += gained - lost
    for now in rows:
        micro[end_of(now)] = (now["ask"] * now["bid_size"] + now["bid"] * now["ask_size"]) / (now["bid_size"] + now["ask_size"])
    found = by_window(rows, ["microprice", "ofi"])
    assert len(found) > 60
    assert found.keys() == micro.keys()
    assert {end: values[1] for end, values in found.items()} == {end: imbalance[end] for end in found}, "whole numbers: exactly"
    assert {end: values[0] for end, values in found.items()} == pytest.approx(micro, rel=1e-14)


def plain_vpin(trades: Iterable[tuple[int, float, int]], volume: int, buckets: int) -> dict[int, float]:
    """By the end of a minute, unit by unit."""
    made, full, bought, filled, last, sign = dict[int, float](), list[Decimal](), Decimal(0), 0, None, 0
    half = Decimal(1) / 2
    for end, price, size in trades:
        sign = sign if last is None or price == last else (1 if price > last else -1)
        last = price
        for _ in range(size):
            bought += half + half * sign
            filled += 1
            if filled == volume:
                full = [*full, abs(2 * bought - volume)][-buckets:]
                bought, filled = Decimal(0), 0
        if len(full) == buckets:
            made[end] = float(sum(full)) / (volume * buckets)
    return made


@pytest.mark.parametrize(("volume", "buckets"), [(1000, 50), (5000, 10), (777, 1)])
def test_vpin_of_real_trades(volume: int, buckets: int) -> None:
    rows = amzn.trades()[:3000]
    expected = plain_vpin(((end_of(row), float(row["price"]), int(row["size"])) for row in rows), volume, buckets)
    found = by_window(rows, [f"vpin({volume},{buckets})"])
    assert len(expected) > 20
    carried = {end: next(value for before, value in reversed(expected.items()) if before <= end) for end in found if end >= min(expected)}
    assert {end: values[0] for end, values in found.items() if values[0] is not None} == pytest.approx(carried, rel=1e-12)


def test_one_trade_of_any_size_fills_all_buckets() -> None:
    rows = empty_rows(2)
    rows["kind"], rows["symbol"], rows["price"], rows["side"] = TRADE, SYMBOLS.code("A"), 10.0, 1
    rows["size"], rows["time"] = [30.0, 1e15], [0, 1]
    assert by_window(rows, ["vpin(10,5)"]) == {MINUTE_NS: (1.0,)}
    assert by_window(rows[:1], ["vpin(10,5)", "vpin(10,3)", "ofi"]) == {MINUTE_NS: (None, 1.0, None)}


def test_the_side_of_a_trade_counts_before_its_price() -> None:
    rows = empty_rows(4)
    rows["kind"], rows["symbol"], rows["size"] = TRADE, SYMBOLS.code("A"), 1.0
    rows["price"], rows["side"], rows["time"] = [10, 11, 11, 10], [0, -1, 0, 1], range(4)
    # half, sold as it says, bought as the price last rose, bought as it says
    assert by_window(rows, ["vpin(4,1)"]) == {MINUTE_NS: (0.25,)}


def test_a_quote_without_sizes_counts_for_nothing_and_a_window_without_quotes_adds_nothing() -> None:
    rows = empty_rows(4)
    rows["kind"], rows["symbol"] = [QUOTE, QUOTE, TRADE, QUOTE], SYMBOLS.code("A")
    rows["bid"], rows["ask"], rows["price"], rows["size"] = 10.0, 11.0, 10.5, 1.0
    rows["bid_size"], rows["ask_size"] = [3.0, np.nan, np.nan, 5.0], [1.0, 1.0, np.nan, 2.0]
    rows["time"] = [1, 2, MINUTE_NS, 2 * MINUTE_NS]
    assert by_window(rows, ["ofi", "microprice"]) == {
        MINUTE_NS: (0.0, (11 * 3 + 10 * 1) / 4),
        2 * MINUTE_NS: (0.0, (11 * 3 + 10 * 1) / 4),
        3 * MINUTE_NS: (5.0 - 3.0 - 2.0 + 1.0, (11 * 5 + 10 * 2) / 7),
    }
    assert by_window(rows[1:2], ["ofi", "microprice"]) == {MINUTE_NS: (None, None)}


@pytest.mark.parametrize("seed", range(30))
def test_each_bar_of_the_market_flow_finds_its_window(seed: int) -> None:
    rng = random.Random(seed)
    rows = streams.frame_rows(streams.stream(rng, 300))
    rows = rows[(rows["kind"] != TRADE) | (rows["price"] >= 0)]
    intervals = ("1s", "4s", "1m")
    bars = MarketShard(MarketSettings(intervals, lateness_ns=1_500_000_000)).on_frame(TickFrame(rows)).bars
    windows = OrderFlow(IndicatorSettings(("ofi",), intervals, 1_500_000_000)).on_frame(TickFrame(rows))
    keys = {(one.symbol, one.interval, one.end) for one in windows}
    assert len(bars)
    assert {(SYMBOLS.names[bar["symbol"]], intervals[bar["interval"]], int(bar["end"])) for bar in bars} <= keys
    assert len(keys) == len(windows), "a window is over once"


def test_another_plan_begins_afresh() -> None:
    one = OrderFlow(IndicatorSettings(("vpin(1,1)",), ("1m",)))
    one.on_frame(TickFrame(amzn.trades()[:10]))
    two = OrderFlow(IndicatorSettings(("vpin(2,1)",), ("1m",)))
    fresh = two.snapshot()
    two.restore(one.snapshot())
    assert two.snapshot() == fresh
