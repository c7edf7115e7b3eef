"""Bars and marks from columns to the wire: keys and encoded envelopes, a batch at a time.

``bar_event`` and ``mark_event`` say what an event holds; ``encode_bars`` and ``encode_marks`` write the same bytes (a property test)
without making an object for each: msgspec writes all numbers of a batch in one call, compiled code lays them out with the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.bus import Column
from schemas.event_layout import CHOICE, INTEGER, NAME, NUMBER, OPTIONAL, TIME, Layout, Names
from schemas.events import LANES, Envelope, EventType, Header
from schemas.market import Bar, Mark
from schemas.market_frames import Bars, Marks
from schemas.symbols import SYMBOLS
from schemas.times import format_time

SOURCE = "market"

Encoded = tuple[Column, Column]
"""Message keys (symbols) and values, a place for each row."""

_encode = msgspec.json.encode


def bar_event(bar: np.void, intervals: Sequence[str]) -> Envelope[Bar]:
    """One row of dtype BAR as an event. ``intervals`` are the configured ones, as texts."""
    symbol, interval = SYMBOLS.names[bar["symbol"]], intervals[bar["interval"]]
    identity, end = f"bar|{symbol}|{interval}|{bar['start']}", format_time(int(bar["end"]))
    header = Header(identity, identity, EventType.BAR_CLOSED.value, int(LANES[EventType.BAR_CLOSED]), end, SOURCE)
    payload = Bar(
        symbol=symbol,
        interval=interval,
        start=format_time(int(bar["start"])),
        end=end,
        open=float(bar["open"]),
        high=float(bar["high"]),
        low=float(bar["low"]),
        close=float(bar["close"]),
        volume=float(bar["volume"]),
        vwap=float(bar["notional"] / bar["volume"]) if bar["volume"] > 0 else None,
        trade_count=int(bar["trade_count"]),
    )
    return Envelope(header, payload)


def mark_event(mark: np.void) -> Envelope[Mark]:
    """One row of dtype MARK as an event."""
    symbol = SYMBOLS.names[mark["symbol"]]
    name = f"{symbol}|{mark['time']}|{mark['repeat']}"
    when = format_time(int(mark["time"]))
    header = Header(f"mark|{name}", f"tick|{name}", EventType.PRICE_UPDATE.value, int(LANES[EventType.PRICE_UPDATE]), when, SOURCE)
    payload = Mark(
        symbol=symbol,
        price=_known(mark["price"]),
        bid=_known(mark["bid"]),
        ask=_known(mark["ask"]),
        mid=_known((mark["bid"] + mark["ask"]) / 2.0),
        size=_known(mark["size"]),
        day_volume=float(mark["day_volume"]),
        ewma_volatility=_known(np.sqrt(mark["ewma_variance"])),
        realized_volatility=_known(np.sqrt(mark["realized_variance"])),
        sequence=int(mark["sequence"]) if mark["sequence"] >= 0 else None,
    )
    return Envelope(header, payload)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


class _SymbolNames:
    """Of each symbol its name within a JSON text, and its bytes as a message key."""

    def __init__(self) -> None:
        self.texts = Names()
        self.keys = Names()
        self._known = 0
        self._lock = Lock()

    def learn(self) -> None:
        """Know all symbols that there are. Any thread may call it."""
        if self._known == len(SYMBOLS.names):
            return
        with self._lock:
            for name in SYMBOLS.names[self._known :]:
                self.texts.add(_encode(name)[1:-1])
                self.keys.add(name.encode())
                self._known += 1


_NAMES = _SymbolNames()
_KEY = Layout((NAME, 0))


def _head(
    identity: tuple[bytes | tuple[int, int], ...], kinds: tuple[bytes, bytes], event: EventType, end: tuple[int, int]
) -> tuple[Any, ...]:
    """The parts of a header and of a payload up to its symbol, which is integer 0. ``kinds`` begin the event's and its cause's ids."""
    middle = f'","eventType":"{event.value}","priority":{int(LANES[event])},"timestamp":"'.encode()
    tail = f'","source":"{SOURCE}","version":"1"}},"payload":{{"symbol":"'.encode()
    ids = (b'{"header":{"eventId":"' + kinds[0], *identity, b'","correlationId":"' + kinds[1], *identity)
    return (*ids, middle, end, tail, (NAME, 0))


_TAIL = b'},"targetService":null}'

_MARK_INTEGERS = ("symbol", "time", "repeat", "sequence")
_MARK_NUMBERS = (
    b'","price":',
    b',"bid":',
    b',"ask":',
    b',"mid":',
    b',"size":',
    b',"dayVolume":',
    b',"ewmaVolatility":',
    b',"realizedVolatility":',
)
_MARK = Layout(
    *_head(((NAME, 0), b"|", (INTEGER, 1), b"|", (INTEGER, 2)), (b"mark|", b"tick|"), EventType.PRICE_UPDATE, (TIME, 1)),
    *(part for name in _MARK_NUMBERS for part in (name, NUMBER)),
    b',"sequence":',
    (OPTIONAL, 3),
    _TAIL,
)

_BAR_INTEGERS = ("symbol", "interval", "start", "end", "trade_count")
_BAR_NUMBERS = (b'","open":', b',"high":', b',"low":', b',"close":', b',"volume":', b',"vwap":')


@cache
def _bar_layout(intervals: tuple[str, ...]) -> Layout:
    identity = ((NAME, 0), b"|", (CHOICE, 1), b"|", (INTEGER, 2))
    return Layout(
        *_head(identity, (b"bar|", b"bar|"), EventType.BAR_CLOSED, (TIME, 3)),
        b'","interval":"',
        (CHOICE, 1),
        b'","start":"',
        (TIME, 2),
        b'","end":"',
        (TIME, 3),
        *(part for name in _BAR_NUMBERS for part in (name, NUMBER)),
        b',"tradeCount":',
        (INTEGER, 4),
        _TAIL,
        choices=tuple(interval.encode() for interval in intervals),
    )


def encode_marks(marks: Marks) -> Encoded:
    """Events of marks: what ``mark_event`` says, as bytes."""
    numbers = np.empty((len(marks), len(_MARK_NUMBERS)))
    for place, column in enumerate(("price", "bid", "ask")):
        numbers[:, place] = marks[column]
    numbers[:, 3] = (marks["bid"] + marks["ask"]) / 2.0
    numbers[:, 4] = marks["size"]
    numbers[:, 5] = marks["day_volume"]
    numbers[:, 6] = np.sqrt(marks["ewma_variance"])
    numbers[:, 7] = np.sqrt(marks["realized_variance"])
    return _laid_out(_MARK, marks, _MARK_INTEGERS, numbers)


def encode_bars(bars: Bars, intervals: Sequence[str]) -> Encoded:
    """Events of bars: what ``bar_event`` says, as bytes. ``intervals`` are the configured ones, as texts."""
    numbers = np.empty((len(bars), len(_BAR_NUMBERS)))
    for place, column in enumerate(("open", "high", "low", "close", "volume")):
        numbers[:, place] = bars[column]
    traded = bars["volume"] > 0
    numbers[:, 5] = np.divide(bars["notional"], bars["volume"], out=np.full(len(bars), np.nan), where=traded)
    return _laid_out(_bar_layout(tuple(intervals)), bars, _BAR_INTEGERS, numbers)


def _laid_out(layout: Layout, rows: Bars, names: Sequence[str], numbers: npt.NDArray[np.float64]) -> Encoded:
    _NAMES.learn()
    integers = np.empty((len(names), len(rows)), np.int64)
    for place, column in enumerate(names):
        integers[place] = rows[column]
    return _KEY.column(integers, _NAMES.keys), layout.column(integers, _NAMES.texts, numbers)
