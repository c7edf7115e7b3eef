"""Bars and marks from the wire, as columns: ours, and those of a feed that knows less of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

import msgspec
import numpy as np

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event
from schemas.events import Time
from schemas.intervals import interval_text, wire_interval
from schemas.market import Bar, Symbol
from schemas.market_frames import BAR, MARK, Bars, Marks
from schemas.portable_bars import portable
from schemas.symbols import SYMBOLS
from schemas.times import format_time, parse_time


class WireBar(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A bar from outside: it needs a close, and a start or an end. Unknown fields pass."""

    symbol: Symbol
    close: float
    start: Time | None = None
    end: Time | None = None
    interval: str | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None
    vwap: float | None = None
    trade_count: int | None = None


def read_bar(value: bytes, offset: int) -> Bars:
    """Shape (1,): the bar of a record. Where only one of start and end is known, both are that.

    Raises:
        RejectedRecord: it is none.
    """
    bar = decode_event(value, WireBar).payload
    row = np.zeros(1, BAR)
    row["start"], row["end"] = _times(bar)
    row["close"] = bar.close
    for name in ("open", "high", "low"):
        given = getattr(bar, name)
        row[name] = bar.close if given is None else given
    row["volume"] = bar.volume or 0.0
    row["notional"] = (bar.close if bar.vwap is None else bar.vwap) * (bar.volume or 0.0)
    row["trade_count"] = bar.trade_count or 0
    row["offset"], row["symbol"], row["interval"] = offset, SYMBOLS.code(bar.symbol), wire_interval(bar.interval)
    if not all(isfinite(row[name][0]) for name in ("open", "high", "low", "close", "volume", "notional")):
        raise RejectedRecord(Reason.NUMBER, "expected a bar of finite numbers")
    return row


def bars_by_shard(bars: Sequence[Bars]) -> list[tuple[int, Bars]]:
    """(shard, rows) of each shard that has any, in their order; the shard may be another process's."""
    if not bars:
        return []
    rows = portable(np.concatenate(bars))
    shards = SYMBOLS.shard[rows["symbol"]]
    return [(int(shard), rows[shards == shard]) for shard in np.unique(shards)]


def bars_of(rows: Bars, configured: Sequence[str]) -> Iterator[tuple[Bar, int]]:
    """Each bar as it stands on the wire, and the offset of what closed it.

    Args:
        rows: bars as columns.
        configured: the intervals of bars of ours.
    """
    for start, end, first, high, low, close, volume, notional, trades, offset, symbol, interval in rows.tolist():
        vwap = notional / volume if volume else None
        text = interval_text(interval, configured) or ""
        times = format_time(start), format_time(end)
        yield Bar(SYMBOLS.names[symbol], text, *times, first, high, low, close, volume, vwap, trades), offset


class WireMark(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A mark from outside: it needs a price, or a bid or an ask. Unknown fields pass."""

    symbol: Symbol
    price: float | None = None
    bid: float | None = None
    ask: float | None = None
    size: float | None = None
    day_volume: float = 0.0
    sequence: int | None = None


def read_mark(value: bytes, offset: int) -> Marks:
    """Shape (1,): the mark of a record, without its volatilities.

    Raises:
        RejectedRecord: it is none.
    """
    event = decode_event(value, WireMark)
    mark = event.payload
    row = np.zeros(1, MARK)
    row["time"] = _parsed("header.timestamp", event.header.timestamp)
    for name in ("price", "size", "bid", "ask"):
        given = getattr(mark, name)
        row[name] = np.nan if given is None else given
    row["ewma_variance"] = row["realized_variance"] = np.nan
    row["day_volume"], row["sequence"] = mark.day_volume, -1 if mark.sequence is None else mark.sequence
    row["offset"], row["symbol"] = offset, SYMBOLS.code(mark.symbol)
    if mark.price is None and mark.bid is None and mark.ask is None:
        raise RejectedRecord(Reason.MISSING_FIELD, "expected a mark's price, bid or ask, found none")
    return row


def joined_marks(marks: Sequence[Marks]) -> Marks:
    """One array, in their order."""
    return np.concatenate(marks) if len(marks) > 1 else marks[0]


def _times(bar: WireBar) -> tuple[int, int]:
    given = [None if time is None else _parsed(name, time) for name, time in (("start", bar.start), ("end", bar.end))]
    start, end = (given[0] if given[0] is not None else given[1]), (given[1] if given[1] is not None else given[0])
    if start is None or end is None:
        raise RejectedRecord(Reason.MISSING_FIELD, "expected a bar's start or end, found none")
    return start, end


def _parsed(name: str, time: Time) -> int:
    try:
        return parse_time(time)
    except ValueError as error:
        raise RejectedRecord(Reason.TIME, f"{name}: {str(error)[:200]}") from None
