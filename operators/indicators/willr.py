"""Williams' %R."""

from __future__ import annotations

from operators.indicators.extremes import Extremes
from operators.indicators.indicator import Indicator, PriceBar


class Willr(Indicator):
    """``willr(n)`` (Larry Williams): ``-100 * (highest - close) / (highest - lowest)`` over n bars: from -100 to 0.

    None for the first n - 1 bars and where highest and lowest are one.
    """

    __slots__ = ("_extremes",)

    def __init__(self, n: int) -> None:
        self._extremes = Extremes(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        extremes = self._extremes
        if not extremes.add(bar.high, bar.low):
            return None
        high, low = extremes.high, extremes.low
        return -100.0 * (high - bar.close) / (high - low) if high > low else None
