"""A sum over a whole stream that does not drift."""

from __future__ import annotations

from math import fsum

from operators.indicators.piece import Piece


class Total(Piece):
    """The sum of all numbers, kept as the nearest float and what it lacks (see ``window.py``)."""

    __slots__ = ("_rest", "_sum")

    def __init__(self) -> None:
        self._sum = 0.0
        self._rest = 0.0

    def add(self, value: float) -> float:
        """Take the next number; the sum."""
        terms = (self._sum, self._rest, value)
        total = fsum(terms)
        self._rest = fsum((*terms, -total))
        self._sum = total
        return total

    @property
    def value(self) -> float:
        """The sum so far."""
        return self._sum
