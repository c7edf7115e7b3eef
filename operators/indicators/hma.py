"""Hull moving average."""

from __future__ import annotations

from math import isqrt

from operators.indicators.averages import WeightedMean
from operators.indicators.indicator import Indicator, PriceBar


class Hma(Indicator):
    """``hma(n)``: ``wma(2 * wma(close, n // 2) - wma(close, n), floor(sqrt(n)))`` (Alan Hull, 2005).

    Both n / 2 and the root of n are rounded down; other programs round to the nearest. First value at bar n + floor(sqrt(n)) - 1.
    """

    __slots__ = ("_long", "_short", "_smooth")

    def __init__(self, n: int) -> None:
        self._long = WeightedMean(n)
        self._short = WeightedMean(n // 2)
        self._smooth = WeightedMean(isqrt(n))

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        long, short = self._long.add(bar.close), self._short.add(bar.close)
        return None if long is None or short is None else self._smooth.add(2.0 * short - long)
