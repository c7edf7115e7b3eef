"""The highest and the lowest of the last numbers."""

from __future__ import annotations

from operators.indicators.piece import Piece


class Highest(Piece):
    """The highest of the last ``size`` numbers: of what came earlier only that is kept which is as high as all that came since."""

    __slots__ = ("_count", "_falling", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._count = 0
        self._falling: list[tuple[int, float]] = []

    def add(self, value: float) -> bool:
        """Take the next number; whether the window is full."""
        count, falling = self._count, self._falling
        if falling and falling[0][0] <= count - self.size:
            del falling[0]
        while falling and falling[-1][1] < value:  # of equal ones the first stays: the age counts from it
            falling.pop()
        falling.append((count, value))
        self._count = count + 1
        return count + 1 >= self.size

    @property
    def value(self) -> float:
        """The highest so far."""
        return self._falling[0][1]

    @property
    def age(self) -> int:
        """How many numbers ago it came; of equal ones the first."""
        return self._count - 1 - self._falling[0][0]


class Lowest(Piece):
    """The lowest of the last ``size`` numbers."""

    __slots__ = ("_highest",)

    def __init__(self, size: int) -> None:
        self._highest = Highest(size)

    def add(self, value: float) -> bool:
        """Take the next number; whether the window is full."""
        return self._highest.add(-value)

    @property
    def value(self) -> float:
        """The lowest so far."""
        return -self._highest.value

    @property
    def age(self) -> int:
        """How many numbers ago it came; of equal ones the first."""
        return self._highest.age
