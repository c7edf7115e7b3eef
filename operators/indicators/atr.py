"""Average true range."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.ranges import MeanRange


class Atr(Indicator):
    """``atr(n)``: Wilder's average of true ranges (New Concepts, 1978).

    The first bar has no close before it and counts not; the seed is the mean of the next n, so the first value is at bar n + 1.
    """

    __slots__ = ("_mean",)

    def __init__(self, n: int) -> None:
        self._mean = MeanRange(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        return self._mean.add(bar)
