"""Bollinger bands."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import Window


class Bb(Indicator):
    """``bb(n,k)``: middle = the mean of the last n closes; upper, lower = middle +- k population standard deviations (John Bollinger).

    None for the first n - 1 bars.
    """

    __slots__ = ("_window", "k")

    def __init__(self, n: int, k: float) -> None:
        self._window = Window(n)
        self.k = k

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        window = self._window
        if not window.add(bar.close):
            return None
        middle = window.mean
        width = self.k * window.deviation(middle)
        return {"upper": middle + width, "middle": middle, "lower": middle - width}
