"""Donchian channel."""

from __future__ import annotations

from operators.indicators.extremes import Extremes
from operators.indicators.indicator import Indicator, PriceBar


class Donchian(Indicator):
    """``donchian(n)`` (Richard Donchian): upper, lower = highest high, lowest low of the n bars before the present one; middle between.

    The present bar is left out so that its close can break out. None for the first n bars.
    """

    __slots__ = ("_channel", "_extremes")

    def __init__(self, n: int) -> None:
        self._extremes = Extremes(n)
        self._channel: tuple[float, float] | None = None

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        channel = self._channel
        if self._extremes.add(bar.high, bar.low):
            self._channel = (self._extremes.high, self._extremes.low)
        return {"upper": channel[0], "middle": (channel[0] + channel[1]) / 2.0, "lower": channel[1]} if channel else None
