"""Triple exponential moving average."""

from __future__ import annotations

from operators.indicators.averages import exponential
from operators.indicators.indicator import Indicator, PriceBar


class Tema(Indicator):
    """``tema(n)``: ``3 * (e1 - e2) + e3``, each the ema of the one before (Mulloy, Stocks & Commodities 12:2, 1994).

    Seeds and first value as of ``dema``.
    """

    __slots__ = ("_first", "_second", "_third", "weight")

    def __init__(self, n: int) -> None:
        self._first = exponential(n)
        self._second: float | None = None
        self._third: float | None = None
        self.weight = 2.0 / (n + 1)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        first = self._first.add(bar.close)
        if first is None:
            return None
        second, third = self._second, self._third
        if second is None or third is None:
            second = third = first
        else:
            second += self.weight * (first - second)
            third += self.weight * (second - third)
        self._second, self._third = second, third
        return 3.0 * (first - second) + third
