"""Double exponential moving average."""

from __future__ import annotations

from operators.indicators.averages import exponential
from operators.indicators.indicator import Indicator, PriceBar


class Dema(Indicator):
    """``dema(n)``: ``2 * ema - ema(ema)`` of closes (Mulloy, Stocks & Commodities 12:1, 1994).

    The inner average is seeded with the mean of the first n closes, the outer one with the first inner average, as Stock.Indicators does,
    so values begin with bar n. TA-Lib seeds the outer one with n inner averages; both converge.
    """

    __slots__ = ("_first", "_second", "weight")

    def __init__(self, n: int) -> None:
        self._first = exponential(n)
        self._second: float | None = None
        self.weight = 2.0 / (n + 1)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        first = self._first.add(bar.close)
        if first is None:
            return None
        second = self._second
        self._second = second = first if second is None else second + self.weight * (first - second)
        return 2.0 * first - second
