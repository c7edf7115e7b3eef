"""Supertrend."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.ranges import MeanRange


class Supertrend(Indicator):
    """``supertrend(atr,multiplier)`` (Olivier Seban): the lower band in a rising trend, the upper one in a falling.

    Bands are ``(high + low) / 2 +- multiplier * atr``; the upper moves only down and the lower only up until a close goes beyond it.
    A close at or below the lower band turns the trend down, one above the upper band turns it up. First value with the
    first atr: at bar atr + 1, the trend then rises if the close is not below the middle.
    """

    __slots__ = ("_close", "_is_rising", "_lower", "_range", "_upper", "multiplier")

    def __init__(self, atr: int, multiplier: float) -> None:
        self._range = MeanRange(atr)
        self.multiplier = multiplier
        self._close = 0.0
        self._is_rising = True
        self._upper: float | None = None
        self._lower: float | None = None

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        reach = self._range.add(bar)
        before, self._close = self._close, bar.close
        if reach is None:
            return None
        middle, width = (bar.high + bar.low) / 2.0, self.multiplier * reach
        upper, lower = self._upper, self._lower
        if upper is None or lower is None:
            self._is_rising = bar.close >= middle
            upper, lower = middle + width, middle - width
        if middle + width < upper or before > upper:
            upper = middle + width
        if middle - width > lower or before < lower:
            lower = middle - width
        self._is_rising = bar.close > (lower if self._is_rising else upper)
        self._upper, self._lower = upper, lower
        return lower if self._is_rising else upper
