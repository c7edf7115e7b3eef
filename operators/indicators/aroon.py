"""Aroon."""

from __future__ import annotations

from operators.indicators.extremes import Extremes
from operators.indicators.indicator import Indicator, PriceBar


class Aroon(Indicator):
    """``aroon(n)`` (Tushar Chande, 1995): up, down = ``100 * (n - bars since the highest high, lowest low of n + 1 bars) / n``.

    oscillator = up - down. Of equal extremes the first counts, as in Stock.Indicators (TA-Lib: the last). None for the first n bars.
    """

    __slots__ = ("_extremes", "n")

    def __init__(self, n: int) -> None:
        self._extremes = Extremes(n + 1)
        self.n = n

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        if not self._extremes.add(bar.high, bar.low):
            return None
        n, (high_age, low_age) = self.n, self._extremes.ages
        up, down = 100.0 * (n - high_age) / n, 100.0 * (n - low_age) / n
        return {"up": up, "down": down, "oscillator": up - down}
