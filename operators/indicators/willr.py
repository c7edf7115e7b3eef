"""Williams' %R."""

from __future__ import annotations

from operators.indicators.extremes import Highest, Lowest
from operators.indicators.indicator import Indicator, PriceBar


class Willr(Indicator):
    """``willr(n)`` (Larry Williams): ``-100 * (highest - close) / (highest - lowest)`` over n bars: from -100 to 0.

    None for the first n - 1 bars and where highest and lowest are one.
    """

    __slots__ = ("_highest", "_lowest")

    def __init__(self, n: int) -> None:
        self._highest = Highest(n)
        self._lowest = Lowest(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        self._highest.add(bar.high)
        if not self._lowest.add(bar.low):
            return None
        high, low = self._highest.value, self._lowest.value
        return -100.0 * (high - bar.close) / (high - low) if high > low else None
