"""Bars and marks from columns to the wire: keys and encoded envelopes, a batch at a time.

``bar_event`` and ``mark_event`` say what an event holds; ``encode_bars`` and ``encode_marks`` write the same bytes (a property test)
without making an object for each: msgspec writes all numbers of a batch in one call, a template holds the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.events import LANES, Envelope, EventType, Header
from schemas.market import Bar, Mark
from schemas.market_frames import Bars, Marks
from schemas.symbols import SYMBOLS
from schemas.times import format_time

SOURCE = "market"

Encoded = tuple[list[bytes], list[bytes]]
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


class _Names:
    """Of each symbol its name within a JSON text, and its bytes as a message key."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.keys: list[bytes] = []

    def learn(self) -> None:
        for name in SYMBOLS.names[len(self.keys) :]:
            self.texts.append(_encode(name)[1:-1].decode())
            self.keys.append(name.encode())


_NAMES = _Names()


def encode_marks(marks: Marks) -> Encoded:
    """Events of marks: what ``mark_event`` says, as bytes."""
    if not len(marks):
        return [], []
    _NAMES.learn()
    names, lane = _NAMES.texts, int(LANES[EventType.PRICE_UPDATE])
    seconds, nanos = np.divmod(marks["time"], 1_000_000_000)
    numbers = np.empty((len(marks), 8))
    for place, column in enumerate(("price", "bid", "ask")):
        numbers[:, place] = marks[column]
    numbers[:, 3] = (marks["bid"] + marks["ask"]) / 2.0
    numbers[:, 4] = marks["size"]
    numbers[:, 5] = marks["day_volume"]
    numbers[:, 6] = np.sqrt(marks["ewma_variance"])
    numbers[:, 7] = np.sqrt(marks["realized_variance"])
    head = f'","eventType":"PRICE_UPDATE","priority":{lane},"timestamp":"'
    tail = f'Z","source":"{SOURCE}","version":"1"}},"payload":{{"symbol":"'
    clock = _Clock()
    codes = marks["symbol"].tolist()
    lines = [
        f'{{"header":{{"eventId":"mark|{(name := names[code])}|{time}|{repeat}","correlationId":"tick|{name}|{time}|{repeat}{head}'
        f'{clock[second]}{nano:09d}{tail}{name}","price":{price},"bid":{bid},"ask":{ask},"mid":{mid},"size":{size},"dayVolume":{volume},'
        f'"ewmaVolatility":{ewma},"realizedVolatility":{realized},"sequence":{sequence if sequence >= 0 else "null"}}},'
        f'"targetService":null}}'
        for code, time, repeat, second, nano, sequence, (price, bid, ask, mid, size, volume, ewma, realized) in zip(
            codes,
            marks["time"].tolist(),
            marks["repeat"].tolist(),
            seconds.tolist(),
            nanos.tolist(),
            marks["sequence"].tolist(),
            _written(numbers),
            strict=True,
        )
    ]
    keys = _NAMES.keys
    return [keys[code] for code in codes], "\n".join(lines).encode().split(b"\n")


def encode_bars(bars: Bars, intervals: Sequence[str]) -> Encoded:
    """Events of bars: what ``bar_event`` says, as bytes. ``intervals`` are the configured ones, as texts."""
    if not len(bars):
        return [], []
    _NAMES.learn()
    names = _NAMES.texts
    numbers = np.empty((len(bars), 6))
    for place, column in enumerate(("open", "high", "low", "close", "volume")):
        numbers[:, place] = bars[column]
    traded = bars["volume"] > 0
    numbers[:, 5] = np.divide(bars["notional"], bars["volume"], out=np.full(len(bars), np.nan), where=traded)
    head = f'","eventType":"BAR_CLOSED","priority":{int(LANES[EventType.BAR_CLOSED])},"timestamp":"'
    tail = f'","source":"{SOURCE}","version":"1"}},"payload":{{"symbol":"'
    times = {time: format_time(time) for time in {*bars["start"].tolist(), *bars["end"].tolist()}}
    codes = bars["symbol"].tolist()
    lines = [
        f'{{"header":{{"eventId":"{(identity := f"bar|{(name := names[code])}|{(interval := intervals[place])}|{start}")}",'
        f'"correlationId":"{identity}{head}{(when := times[end])}{tail}{name}","interval":"{interval}",'
        f'"start":"{times[start]}","end":"{when}",'
        f'"open":{first},"high":{high},"low":{low},"close":{last},"volume":{volume},"vwap":{vwap},"tradeCount":{count}}},'
        f'"targetService":null}}'
        for code, place, start, end, count, (first, high, low, last, volume, vwap) in zip(
            codes,
            bars["interval"].tolist(),
            bars["start"].tolist(),
            bars["end"].tolist(),
            bars["trade_count"].tolist(),
            _written(numbers),
            strict=True,
        )
    ]
    keys = _NAMES.keys
    return [keys[code] for code in codes], "\n".join(lines).encode().split(b"\n")


class _Clock(dict[int, str]):
    """Second to its text with the point, made once a batch."""

    def __missing__(self, second: int) -> str:
        text = self[second] = format_time(second * 1_000_000_000)[:-10]
        return text


def _written(numbers: npt.NDArray[np.float64]) -> zip[tuple[str, ...]]:
    """Rows of numbers as msgspec writes them (NaN: null)."""
    texts = iter(_encode(numbers.ravel().tolist()).decode()[1:-1].split(","))
    return zip(*[texts] * numbers.shape[1], strict=True)
