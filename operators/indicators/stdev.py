"""Standard deviation."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import Window


class Stdev(Indicator):
    """``stdev(n)``: of the population of the last n closes; None for the first n - 1 bars."""

    __slots__ = ("_window",)

    def __init__(self, n: int) -> None:
        self._window = Window(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        window = self._window
        return window.deviation(window.mean) if window.add(bar.close) else None
