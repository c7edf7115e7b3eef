"""Whether a run gave the right bars: only then does its speed count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import polars as pl

from benchmarks.ticks import Ticks
from schemas.bus import Bus, Position
from schemas.market import Bar
from schemas.times import MINUTE_NS, SECOND_NS, parse_time
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end

INTERVALS = {"1s": SECOND_NS, "1m": MINUTE_NS}
"""Those of the market flow's defaults."""

_EXACT = ("open", "high", "low", "close", "volume", "trade_count")
_SCHEMA = {"symbol": pl.String, "interval": pl.String, "start": pl.Int64, **dict.fromkeys(_EXACT[:5], pl.Float64), "vwap": pl.Float64}
_SCHEMA["trade_count"] = pl.Int64
_VWAP_TOLERANCE = 1e-9
_PATIENCE_S = 10.0


class WrongAnswer(Exception):
    """The bars are not those that the ticks make; the message has the first that differ."""


class _Event(msgspec.Struct):
    payload: Bar


class PeerBar(msgspec.Struct, rename="camel"):
    """What a peer writes for a bar of one second: flat, ``start`` in UTC ns."""

    symbol: str
    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int


def decode_bars(values: Iterable[bytes]) -> pl.DataFrame:
    """Bars of ``market.bars`` as columns."""
    decode = msgspec.json.Decoder(_Event).decode
    return _frame(_of_bar(decode(value).payload) for value in values)


def decode_peer_bars(values: Iterable[bytes]) -> pl.DataFrame:
    """Bars of a peer as columns."""
    decode = msgspec.json.Decoder(PeerBar).decode
    return _frame({**msgspec.structs.asdict(decode(value)), "interval": "1s", "vwap": None} for value in values)


def _of_bar(bar: Bar) -> dict[str, Any]:
    return {name: parse_time(bar.start) if name == "start" else getattr(bar, name) for name in _SCHEMA}


def _frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_SCHEMA)


def check_bars(ticks: Ticks, found: pl.DataFrame, intervals: Iterable[str] = tuple(INTERVALS), *, closing: bool = False) -> int:
    """How many bars there are, if they are every bar once, each field equal (the vwap to nine digits, where it is given).

    Bars of the closing ticks count only if ``closing``: some engines close them at the end of the stream, ours waits for more.

    Raises:
        WrongAnswer: they are not.
    """
    count = 0
    for interval in intervals:
        expected = ticks.expected_bars(INTERVALS[interval], closing=closing)
        mine = found.filter(pl.col("interval") == interval, pl.lit(closing) | (pl.col("start") < ticks.closing_ns))
        _compare(interval, expected, mine)
        count += len(expected)
    return count


def _compare(interval: str, expected: pl.DataFrame, found: pl.DataFrame) -> None:
    twice = found.filter(found.select("symbol", "start").is_duplicated())
    if len(twice):
        raise WrongAnswer(f"{len(twice)} bars of {interval} were made more than once, such as {twice.head(2).to_dicts()}")
    joined = expected.join(found, on=["symbol", "start"], how="full", suffix="_found", coalesce=True)
    differs = pl.any_horizontal(*(pl.col(name).ne_missing(pl.col(f"{name}_found")) for name in _EXACT))
    off = ((pl.col("vwap_found") / pl.col("vwap") - 1).abs() > _VWAP_TOLERANCE).fill_null(value=False)
    wrong = joined.filter(differs | off)
    if len(wrong):
        raise WrongAnswer(
            f"expected {len(expected)} bars of {interval}, found {len(found)}; {len(wrong)} differ, such as {wrong.head(2).to_dicts()}"
        )


class Output:
    """What is written to one topic from now on."""

    def __init__(self, url: str, topic: str) -> None:
        self._url, self._topic = url, topic
        with self._bus() as bus:
            self._start: Position = dict(bus.state(topic).end)

    @contextmanager
    def _bus(self) -> Iterator[Bus]:
        bus = open_bus(self._url)
        try:
            yield bus
        finally:
            bus.close()

    def read(self) -> list[bytes]:
        """The values that have been appended since this was made."""
        with self._bus() as bus:
            return [value for batch in read_to_end(bus, self._topic, self._start) for value in batch.values()]

    def span(self) -> tuple[float, float]:
        """When the first and the last of them were appended, Unix seconds; NaN if there are none."""
        with self._bus() as bus:
            end = bus.state(self._topic).end
            written = [partition for partition in end if end[partition] > self._start[partition]]
            first = [self._appended(bus, partition, self._start[partition]) for partition in written]
            last = [self._appended(bus, partition, end[partition] - 1) for partition in written]
        return min(first, default=float("nan")), max(last, default=float("nan"))

    def _appended(self, bus: Bus, partition: int, offset: int) -> float:
        reader = bus.reader(self._topic, [partition], {partition: offset})
        try:
            batch = reader.poll(1, _PATIENCE_S)
        finally:
            reader.close()
        if batch is None:
            raise WrongAnswer(f"{self._topic} has no record {offset} in partition {partition}, though its end says so")
        return int(batch.timestamp_ms[0]) / 1000
