"""Donchian channel."""

from __future__ import annotations

from operators.indicators.extremes import Highest, Lowest
from operators.indicators.indicator import Indicator, PriceBar


class Donchian(Indicator):
    """``donchian(n)`` (Richard Donchian): upper, lower = highest high, lowest low of the n bars before the present one; middle between.

    The present bar is left out so that its close can break out. None for the first n bars.
    """

    __slots__ = ("_channel", "_highest", "_lowest")

    def __init__(self, n: int) -> None:
        self._highest = Highest(n)
        self._lowest = Lowest(n)
        self._channel: tuple[float, float] | None = None

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        channel = self._channel
        self._highest.add(bar.high)
        if self._lowest.add(bar.low):
            self._channel = (self._highest.value, self._lowest.value)
        return {"upper": channel[0], "middle": (channel[0] + channel[1]) / 2.0, "lower": channel[1]} if channel else None
