"""Beta of a symbol to another."""

from __future__ import annotations

from operators.indicators.pair import PairIndicator, covariance
from operators.indicators.window import Window


class Beta(PairIndicator):
    """``beta(n,OTHER)``: ``cov / var of OTHER`` of the last n simple returns from close to close.

    The first return is at the second pair: first value at pair n + 1. None where OTHER has not moved. A close of 0 makes no return.
    """

    __slots__ = ("_before", "_other", "_own")

    def __init__(self, n: int) -> None:
        self._own = Window(n)
        self._other = Window(n)
        self._before: tuple[float, float] | None = None

    def update(self, own: float, other: float) -> float | None:
        """Take the next pair of closes."""
        before, self._before = self._before, (own, other)
        if before is None or not before[0] or not before[1]:
            return None
        self._own.add(own / before[0] - 1.0)
        if not self._other.add(other / before[1] - 1.0):
            return None
        variance = self._other.deviation(self._other.mean) ** 2
        return covariance(self._own, self._other) / variance if variance > 0.0 else None
