"""Simple moving average."""

from __future__ import annotations

from operators.indicators.averages import SimpleMean
from operators.indicators.indicator import Indicator, PriceBar


class Sma(Indicator):
    """``sma(n)``: the mean of the last n closes; None for the first n - 1 bars."""

    __slots__ = ("_mean",)

    def __init__(self, n: int) -> None:
        self._mean = SimpleMean(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        return self._mean.add(bar.close)
