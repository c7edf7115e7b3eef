"""Distance from the mean in standard deviations."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import Window


class Zscore(Indicator):
    """``zscore(n)``: ``(close - mean) / deviation`` of the last n closes, of the population.

    None for the first n - 1 bars and where no price differs.
    """

    __slots__ = ("_window",)

    def __init__(self, n: int) -> None:
        self._window = Window(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        window = self._window
        if not window.add(bar.close):
            return None
        mean = window.mean
        deviation = window.deviation(mean)
        return (bar.close - mean) / deviation if deviation > 0.0 else None
