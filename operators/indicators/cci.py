"""Commodity channel index."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import Window


class Cci(Indicator):
    """``cci(n)`` (Donald Lambert, 1980): ``(p - mean) / (0.015 * mean of |p_i - mean|)`` over n bars, p = (high + low + close) / 3.

    None for the first n - 1 bars and where no price differs.
    """

    __slots__ = ("_window", "n")

    def __init__(self, n: int) -> None:
        self._window = Window(n)
        self.n = n

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        price = (bar.high + bar.low + bar.close) / 3.0
        window = self._window
        if not window.add(price):
            return None
        mean = window.mean
        deviation = sum([abs(value - mean) for value in window.values]) / self.n
        return (price - mean) / (0.015 * deviation) if deviation > 0.0 else None
