"""Moving averages of numbers, of which indicators are made."""

from __future__ import annotations

from operator import mul

from operators.indicators.piece import Piece
from operators.indicators.window import Window, WindowSum


class SmoothedMean(Piece):
    """``m = m + weight * (x - m)``, seeded with the mean of the first ``size`` numbers.

    Weight 2 / (n + 1) makes the exponential average, 1 / n Wilder's.
    """

    __slots__ = ("_mean", "_seed", "_seen", "size", "weight")

    def __init__(self, size: int, weight: float) -> None:
        self.size = size
        self.weight = weight
        self._mean: float | None = None
        self._seed = 0.0
        self._seen = 0

    def add(self, value: float) -> float | None:
        """Take the next number; the average."""
        mean = self._mean
        if mean is None:
            self._seed += value
            self._seen += 1
            if self._seen < self.size:
                return None
            mean = self._seed / self.size
        else:
            mean += self.weight * (value - mean)
        self._mean = mean
        return mean


def exponential(size: int) -> SmoothedMean:
    """Weight 2 / (size + 1)."""
    return SmoothedMean(size, 2.0 / (size + 1))


def wilder(size: int) -> SmoothedMean:
    """Weight 1 / size."""
    return SmoothedMean(size, 1.0 / size)


class SimpleMean(Piece):
    """The mean of the last ``size`` numbers."""

    __slots__ = ("_window", "size")

    def __init__(self, size: int) -> None:
        self._window = WindowSum(size)
        self.size = size

    def add(self, value: float) -> float | None:
        """Take the next number; the average."""
        total = self._window.add(value)
        return None if total is None else total / self.size


class WeightedMean(Piece):
    """The mean of the last ``size`` numbers, the newest weighing ``size``, the oldest 1; summed afresh each time."""

    __slots__ = ("_window", "divisor", "weights")

    def __init__(self, size: int) -> None:
        self._window = Window(size)
        self.weights = tuple(map(float, range(1, size + 1)))
        self.divisor = size * (size + 1) / 2

    def add(self, value: float) -> float | None:
        """Take the next number; the average."""
        if not self._window.add(value):
            return None
        mean: float = sum(map(mul, self.weights, self._window.values)) / self.divisor
        return mean
