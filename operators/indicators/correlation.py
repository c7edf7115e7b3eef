"""Correlation of two symbols."""

from __future__ import annotations

from operators.indicators.pair import PairIndicator, covariance
from operators.indicators.window import Window


class Correlation(PairIndicator):
    """``correlation(n,OTHER)``: Pearson's, of the last n closes of both; None for the first n - 1 pairs and where one has not moved."""

    __slots__ = ("_other", "_own")

    def __init__(self, n: int) -> None:
        self._own = Window(n)
        self._other = Window(n)

    def update(self, own: float, other: float) -> float | None:
        """Take the next pair of closes."""
        self._own.add(own)
        if not self._other.add(other):
            return None
        spread = self._own.deviation(self._own.mean) * self._other.deviation(self._other.mean)
        return max(-1.0, min(1.0, covariance(self._own, self._other) / spread)) if spread > 0.0 else None
