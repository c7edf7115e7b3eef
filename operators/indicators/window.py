"""The last numbers of a series.

A list, for it is a third of a deque in memory, and with many symbols memory is what an update waits for. What leaves it moves the rest,
at the speed of a copy.
"""

from __future__ import annotations

from math import dist, fsum, sqrt

from operators.indicators.piece import Piece


class Window(Piece):
    """The last ``size`` numbers. Mean and deviations are taken afresh from them, never by E[x^2] - E[x]^2."""

    __slots__ = ("_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: list[float] = []

    def add(self, value: float) -> bool:
        """Take the next number; whether the window is full."""
        values = self._values
        values.append(value)
        if len(values) > self.size:
            del values[0]
        return len(values) == self.size

    @property
    def values(self) -> list[float]:
        """Oldest first."""
        return self._values

    @property
    def mean(self) -> float:
        """Of a full window."""
        return sum(self._values) / self.size

    def deviation(self, mean: float) -> float:
        """Population standard deviation of a full window with this mean."""
        return dist(self._values, (mean,) * self.size) / sqrt(self.size)


class WindowSum(Piece):
    """The sum of the last ``size`` numbers at a constant cost.

    It is kept in two parts, the nearest float and what that lacks, each correctly rounded (``math.fsum``, Shewchuk 1997): a step errs by
    1e-32 of the largest sum, so a spike that leaves takes nothing with it, and millions of bars later the sum is still exact.
    """

    __slots__ = ("_rest", "_sum", "_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: list[float] = []
        self._sum = 0.0
        self._rest = 0.0

    def add(self, value: float) -> float | None:
        """Take the next number; the sum, or None while the window is not full."""
        values, total, rest = self._values, self._sum, self._rest
        values.append(value)
        left = values.pop(0) if len(values) > self.size else 0.0
        self._sum = after = fsum((total, rest, value, -left))
        self._rest = fsum((total, rest, value, -left, -after))
        return after if len(values) == self.size else None
