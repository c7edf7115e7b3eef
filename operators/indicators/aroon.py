"""Aroon."""

from __future__ import annotations

from operators.indicators.extremes import Highest, Lowest
from operators.indicators.indicator import Indicator, PriceBar


class Aroon(Indicator):
    """``aroon(n)`` (Tushar Chande, 1995): up, down = ``100 * (n - bars since the highest high, lowest low of n + 1 bars) / n``.

    oscillator = up - down. Of equal extremes the first counts, as in Stock.Indicators (TA-Lib: the last). None for the first n bars.
    """

    __slots__ = ("_highest", "_lowest", "n")

    def __init__(self, n: int) -> None:
        self._highest = Highest(n + 1)
        self._lowest = Lowest(n + 1)
        self.n = n

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        self._highest.add(bar.high)
        if not self._lowest.add(bar.low):
            return None
        n = self.n
        up, down = 100.0 * (n - self._highest.age) / n, 100.0 * (n - self._lowest.age) / n
        return {"up": up, "down": down, "oscillator": up - down}
