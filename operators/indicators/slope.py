"""Slope of the linear regression."""

from __future__ import annotations

from operator import mul

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import Window


class Slope(Indicator):
    """``slope(n)``: of the least squares line through the last n closes, in price a bar; None for the first n - 1 bars.

    An update costs n multiplications.
    """

    __slots__ = ("_window", "places", "squares")

    def __init__(self, n: int) -> None:
        self._window = Window(n)
        self.places = tuple(at - (n - 1) / 2.0 for at in range(n))
        self.squares = n * (n * n - 1) / 12.0

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        window = self._window
        if not window.add(bar.close):
            return None
        mean = window.mean
        slope: float = sum(map(mul, self.places, [value - mean for value in window.values])) / self.squares
        return slope
