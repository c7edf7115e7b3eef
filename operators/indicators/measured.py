"""What the indicators say of a bar, as the strategies take it."""

from __future__ import annotations

import msgspec

from operators.indicators.indicator import PriceBar, Value


class Measured(msgspec.Struct, frozen=True, gc=False):
    """A bar and what the indicators say of it."""

    symbol: str
    interval: str | None
    """As the bar says it."""
    bar: PriceBar
    offset: int
    """Of the bar's record."""
    values: dict[str, Value]
    """By the configured text."""
