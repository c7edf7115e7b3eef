"""How far a bar reached, seen from the close before it."""

from __future__ import annotations

from operators.indicators.averages import wilder
from operators.indicators.indicator import PriceBar
from operators.indicators.piece import Piece


def true_range(bar: PriceBar, close_before: float) -> float:
    """``max(high - low, |high - close before|, |low - close before|)``."""
    high, low = bar.high, bar.low
    # Conditions, for max and min cost a call each in what half of all indicators do with every bar.
    top = high if high > close_before else close_before  # noqa: FURB136
    return top - (low if low < close_before else close_before)  # noqa: FURB136


class MeanRange(Piece):
    """Wilder's average of true ranges; the first bar has none, so the seed is of bars 1 to ``size``, counted from 0."""

    __slots__ = ("_close", "_mean")

    def __init__(self, size: int) -> None:
        self._close: float | None = None
        self._mean = wilder(size)

    def add(self, bar: PriceBar) -> float | None:
        """Take the next bar; the average."""
        before, self._close = self._close, bar.close
        return None if before is None else self._mean.add(true_range(bar, before))
