"""What the market flow takes and makes: ticks on the wire, bars, marks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.events import Payload, Time
from schemas.symbols import MAX_SYMBOL_BYTES

Symbol = Annotated[str, Meta(min_length=1, max_length=MAX_SYMBOL_BYTES)]


class WireTick(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """A tick as it stands on ``market.ticks``: a trade, a quote or a heartbeat. Unknown fields of a foreign feed pass."""

    type: Literal["trade", "quote", "heartbeat"]
    timestamp: Time
    symbol: str | None = None
    price: float | None = None
    size: float | None = None
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    sequence: int | None = None
    side: Literal["buy", "sell"] | None = None
    venue: str | None = None


class Bar(Payload, frozen=True):
    """BAR_CLOSED on ``market.bars``: one window of one symbol, complete. ``start <= time < end``."""

    symbol: Symbol
    interval: str
    """As it was set: ``4s``, ``1m``."""
    start: Time
    end: Time
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float | None
    """Volume-weighted average price; null where nothing was traded (a bar of mid prices)."""
    trade_count: int


class Mark(Payload, frozen=True):
    """PRICE_UPDATE on ``market.marks``: what a symbol is worth, conflated per batch. Absent values are null."""

    symbol: Symbol
    price: float | None
    """Of the last trade."""
    bid: float | None
    ask: float | None
    mid: float | None
    size: float | None
    day_volume: float
    """Traded since the start of the day."""
    ewma_volatility: float | None
    """Square root of the exponentially weighted mean of squared logarithmic returns, per tick."""
    realized_volatility: float | None
    """Square root of the sum of the day's squared logarithmic returns."""
    sequence: int | None
