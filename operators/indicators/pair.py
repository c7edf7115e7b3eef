"""What two symbols do together."""

from __future__ import annotations

from abc import abstractmethod
from math import fsum
from operator import mul

from operators.indicators.indicator import Recurrence
from operators.indicators.window import Window


class PairIndicator(Recurrence):
    """Base: takes the closes of both symbols' bars of one end."""

    __slots__ = ()

    @abstractmethod
    def update(self, own: float, other: float) -> float | None:
        """Take the next pair of closes."""


def covariance(one: Window, two: Window) -> float:
    """Of the population of two full windows."""
    mean_one, mean_two = one.mean, two.mean
    products = map(mul, [value - mean_one for value in one.values], [value - mean_two for value in two.values])
    return fsum(products) / one.size
