"""Weighted moving average."""

from __future__ import annotations

from operators.indicators.averages import WeightedMean
from operators.indicators.indicator import Indicator, PriceBar


class Wma(Indicator):
    """``wma(n)``: the mean of the last n closes with weights 1 (oldest) to n (newest); None for the first n - 1 bars.

    An update costs n multiplications.
    """

    __slots__ = ("_mean",)

    def __init__(self, n: int) -> None:
        self._mean = WeightedMean(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        return self._mean.add(bar.close)
