"""The highest and the lowest of the last bars."""

from __future__ import annotations

from operators.indicators.piece import Piece


class Extremes(Piece):
    """The highest high and the lowest low of the last ``size`` bars, and how old they are.

    Of what came earlier only that is kept which all that came since has not gone beyond: whatever the size, a bar costs the same.
    """

    __slots__ = ("_count", "_highs", "_lows", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._count = 0
        self._highs: list[tuple[int, float]] = []
        self._lows: list[tuple[int, float]] = []

    def add(self, high: float, low: float) -> bool:
        """Take the next bar; whether the window is full."""
        count, highs, lows = self._count, self._highs, self._lows
        oldest = count - self.size
        if highs:
            if highs[0][0] <= oldest:
                del highs[0]
            if lows[0][0] <= oldest:
                del lows[0]
            while highs and highs[-1][1] < high:  # of equal ones the first stays: the age counts from it
                highs.pop()
            while lows and lows[-1][1] > low:
                lows.pop()
        highs.append((count, high))
        lows.append((count, low))
        self._count = count + 1
        return oldest >= -1

    @property
    def high(self) -> float:
        """The highest so far."""
        return self._highs[0][1]

    @property
    def low(self) -> float:
        """The lowest so far."""
        return self._lows[0][1]

    @property
    def ages(self) -> tuple[int, int]:
        """How many bars ago the highest and the lowest came; of equal ones the first."""
        last = self._count - 1
        return last - self._highs[0][0], last - self._lows[0][0]
