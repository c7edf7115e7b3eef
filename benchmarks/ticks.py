"""The ticks that benchmarks run on, and the bars that they must give.

Deterministic trades of many symbols, each symbol in one partition, times strictly growing: 100,000 a second of event time, or slower where
there are few, so that there are always some bars. Prices wave by 1% and never pass a price band. Last comes one trade a symbol, after the
next full minute, which closes every bar before it by the rules of every engine; the bars of that last minute are not part of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from schemas.bus import Bus, Records
from schemas.partitioning import partition_of
from schemas.times import MINUTE_NS, SECOND_NS

TOPIC = "market.ticks"
START_NS = 1_767_364_200 * SECOND_NS
"""2026-01-02T14:30:00Z, a full minute."""

_CHUNK = 100_000
_FASTEST_STEP_NS = 10_000
_SHORTEST_SPAN_NS = 5 * SECOND_NS
_SEED = 7


@dataclass(frozen=True)
class Ticks:
    """A data set.

    Attributes:
        events: how many ticks, those that close the last bars included.
        symbols: of which each closes with one tick; at most half of ``events``.
        partitions: of the topic.
        per_message: ticks in a message; 1: an object, else an array of at most so many.
    """

    events: int
    symbols: int = 1000
    partitions: int = 8
    per_message: int = 1

    @property
    def name(self) -> str:
        return f"{self.events}-ticks-{self.symbols}-symbols-{self.partitions}-partitions-by-{self.per_message}"

    @property
    def _walking(self) -> int:
        """How many ticks there are before the closing ones."""
        return self.events - self.symbols

    @property
    def _step_ns(self) -> int:
        return max(_FASTEST_STEP_NS, _SHORTEST_SPAN_NS // self._walking)

    @property
    def walk_ns(self) -> int:
        """Event time from the first tick to the last before the closing ones."""
        return self._walking * self._step_ns

    @property
    def closing_ns(self) -> int:
        """Start of the minute of the closing ticks: bars that start here or later are not part of the answer."""
        return START_NS + (self.walk_ns // MINUTE_NS + 1) * MINUTE_NS

    @property
    def before_first_bar(self) -> float:
        """Share of the ticks that lie before the end of the first second."""
        return min(1.0, SECOND_NS / (self._walking * self._step_ns)) * self._walking / self.events

    @cached_property
    def names(self) -> list[str]:
        return [f"S{code:0{len(str(self.symbols - 1))}d}" for code in range(self.symbols)]

    @cached_property
    def _partition_of_symbol(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return np.array([partition_of(name.encode(), self.partitions) for name in self.names], np.int32)

    def columns(self) -> Iterator[pl.DataFrame]:
        """The ticks in order, in chunks: symbol, partition, timestamp (UTC ns), price, size, sequence, side."""
        for first in range(0, self._walking, _CHUNK):
            yield self._walk(first, min(_CHUNK, self._walking - first))
        codes = np.arange(self.symbols)
        times = self.closing_ns + 2 * SECOND_NS + codes * 1000
        yield self._frame(codes, times, _base_cents(codes), np.full(self.symbols, 100), self._walking)

    def _walk(self, first: int, count: int) -> pl.DataFrame:
        chance = np.random.default_rng([_SEED, first])
        codes = chance.integers(0, self.symbols, count)
        times = START_NS + np.arange(first, first + count) * self._step_ns
        wave = 10 * np.sin(2 * np.pi * ((times - START_NS) / (20 * SECOND_NS) + codes / self.symbols)) + chance.integers(-2, 3, count)
        cents = np.rint(_base_cents(codes) * (1 + wave / 1000)).astype(np.int64)
        return self._frame(codes, times, cents, chance.integers(1, 10, count) * 100, first)

    def _frame(self, codes: np.ndarray, times: np.ndarray, cents: np.ndarray, sizes: np.ndarray, first: int) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "symbol": pl.Series(self.names).gather(codes),
                "partition": self._partition_of_symbol[codes],
                "timestamp": times,
                "price": cents / 100,
                "size": sizes,
                "sequence": np.arange(first, first + len(codes)),
                "side": pl.Series(["buy", "sell"]).gather(cents & 1),
            }
        )

    def messages(self) -> Iterator[Records]:
        """The ticks as they stand on the bus, keyed by (for an array its first tick's) symbol."""
        for chunk in self.columns():
            text = chunk.select("symbol", "partition", _as_json().alias("value"))
            if self.per_message > 1:
                text = self._arrays(text)
            keys, values = (text[name].cast(pl.Binary).to_list() for name in ("symbol", "value"))
            yield Records(TOPIC, text["partition"].to_list(), keys, values)

    def _arrays(self, text: pl.DataFrame) -> pl.DataFrame:
        """Ticks that follow one another in a partition, together."""
        block = (pl.int_range(pl.len()).over("partition") // self.per_message).alias("block")
        grouped = text.with_columns(block).group_by("block", "partition", maintain_order=True)
        return grouped.agg(pl.col("symbol").first(), ("[" + pl.col("value").str.join(",") + "]").alias("value"))

    def expected_bars(self, interval_ns: int, *, closing: bool = False) -> pl.DataFrame:
        """Every bar of one interval, computed by polars from the columns: symbol, start, open, high, low, close, volume, vwap, trade_count.

        Args:
            interval_ns: length of a bar.
            closing: with the bars of the closing ticks, which the end of a file closes.
        """
        trades = pl.concat([chunk.select("symbol", "timestamp", "price", "size") for chunk in self.columns()])
        if not closing:
            trades = trades.filter(pl.col("timestamp") < self.closing_ns)
        price, size = pl.col("price"), pl.col("size")
        return trades.group_by("symbol", (pl.col("timestamp") // interval_ns * interval_ns).alias("start"), maintain_order=True).agg(
            price.first().alias("open"),
            price.max().alias("high"),
            price.min().alias("low"),
            price.last().alias("close"),
            size.sum().cast(pl.Float64).alias("volume"),
            ((price * size).sum() / size.sum()).alias("vwap"),
            pl.len().cast(pl.Int64).alias("trade_count"),
        )


def _base_cents(codes: np.ndarray) -> np.ndarray:
    """A price between 20 and 520 for each symbol."""
    return 2000 + codes * 7919 % 50_000


def _as_json() -> pl.Expr:
    """About 130 bytes a tick, as a feed handler would write it."""
    return pl.concat_str(
        pl.lit('{"type":"trade","symbol":"'),
        "symbol",
        pl.lit('","timestamp":'),
        "timestamp",
        pl.lit(',"price":'),
        pl.col("price").cast(pl.String),
        pl.lit(',"size":'),
        "size",
        pl.lit(',"sequence":'),
        "sequence",
        pl.lit(',"side":"'),
        "side",
        pl.lit('","venue":"XNAS"}'),
    )


def preload(bus: Bus, ticks: Ticks) -> None:
    """Write all of a data set to ``market.ticks`` of a bus."""
    writer = bus.writer()
    try:
        for records in ticks.messages():
            writer.write(records)
        writer.flush(120.0)
    finally:
        writer.close()
