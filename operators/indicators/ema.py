"""Exponential moving average."""

from __future__ import annotations

from operators.indicators.averages import exponential
from operators.indicators.indicator import Indicator, PriceBar


class Ema(Indicator):
    """``ema(n)``: ``e = e + 2 / (n + 1) * (close - e)``, seeded with the mean of the first n closes; None for the first n - 1 bars."""

    __slots__ = ("_mean",)

    def __init__(self, n: int) -> None:
        self._mean = exponential(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        return self._mean.add(bar.close)
