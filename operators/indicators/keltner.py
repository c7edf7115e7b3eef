"""Keltner channel."""

from __future__ import annotations

from operators.indicators.averages import exponential
from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.ranges import MeanRange


class Keltner(Indicator):
    """``keltner(ema,multiplier,atr)``: middle = ema of closes; upper, lower = middle +- multiplier * atr (Linda Raschke's form).

    None until both have a value.
    """

    __slots__ = ("_ema", "_range", "multiplier")

    def __init__(self, ema: int, multiplier: float, atr: int) -> None:
        self._ema = exponential(ema)
        self._range = MeanRange(atr)
        self.multiplier = multiplier

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        middle, reach = self._ema.add(bar.close), self._range.add(bar)
        if middle is None or reach is None:
            return None
        width = self.multiplier * reach
        return {"upper": middle + width, "middle": middle, "lower": middle - width}
