"""The last numbers of a series and their sum, which does not drift."""

from __future__ import annotations

from collections import deque
from math import dist, fsum

from operators.indicators.piece import Piece


class Window(Piece):
    """The last ``size`` numbers with their sum.

    The sum is kept in two parts, the nearest float and what that lacks, each correctly rounded (``math.fsum``, Shewchuk 1997): an update
    errs by 1e-32 of the largest sum, so a spike that leaves takes nothing with it, and millions of bars later the sum is still exact.
    Deviations are measured afresh from the numbers, never by E[x^2] - E[x]^2.
    """

    __slots__ = ("_rest", "_total", "_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: deque[float] = deque(maxlen=size)
        self._total = 0.0
        self._rest = 0.0

    def add(self, value: float) -> bool:
        """Take the next number; whether the window is full."""
        values = self._values
        if len(values) == self.size:
            terms = (self._total, self._rest, value, -values[0])
            total = fsum(terms)
            self._rest = fsum((*terms, -total))
            self._total = total
            values.append(value)
            return True
        values.append(value)
        total = fsum((self._total, self._rest, value))
        self._rest = fsum((self._total, self._rest, value, -total))
        self._total = total
        return len(values) == self.size

    @property
    def values(self) -> deque[float]:
        """Oldest first."""
        return self._values

    @property
    def sum(self) -> float:
        """Of the numbers."""
        return self._total

    @property
    def mean(self) -> float:
        """Of a full window."""
        return self._total / self.size

    def deviation(self) -> float:
        """Population standard deviation of a full window."""
        mean = self._total / self.size
        return dist(self._values, (mean,) * self.size) / self.size**0.5  # type: ignore[arg-type]  # any sequence will do
