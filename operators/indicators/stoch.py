"""Stochastic oscillator."""

from __future__ import annotations

from operators.indicators.averages import SimpleMean
from operators.indicators.extremes import Extremes
from operators.indicators.indicator import Indicator, PriceBar


class Stoch(Indicator):
    """``stoch(k,d,smooth)`` (George Lane), slow.

    k = mean of the last ``smooth`` values of ``100 * (close - lowest) / (highest - lowest)`` over k bars; d = mean of the last d of these.
    k begins at bar k + smooth - 1, d another d - 1 bars later. Where highest and lowest are one, the inner value is 0.
    """

    __slots__ = ("_extremes", "_signal", "_smooth")

    def __init__(self, k: int, d: int, smooth: int) -> None:
        self._extremes = Extremes(k)
        self._smooth = SimpleMean(smooth)
        self._signal = SimpleMean(d)

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        extremes = self._extremes
        if not extremes.add(bar.high, bar.low):
            return None
        high, low = extremes.high, extremes.low
        k = self._smooth.add(100.0 * (bar.close - low) / (high - low) if high > low else 0.0)
        return None if k is None else {"k": k, "d": self._signal.add(k)}
