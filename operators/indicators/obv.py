"""On-balance volume."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.total import Total


class Obv(Indicator):
    """``obv`` (Joseph Granville): the sum of volumes of bars that closed higher less those that closed lower. The first bar's is 0.

    TA-Lib and others start with the first bar's volume: a constant apart.
    """

    __slots__ = ("_close", "_total")

    def __init__(self) -> None:
        self._close: float | None = None
        self._total = Total()

    def update(self, bar: PriceBar) -> float:
        """Take the next bar."""
        before, self._close = self._close, bar.close
        if before is None or bar.close == before:
            return self._total.value
        return self._total.add(bar.volume if bar.close > before else -bar.volume)
