"""Closes of the symbols that others are compared with."""

from __future__ import annotations

from typing import Any

CLOSES_KEPT = 10_000
"""Of each such symbol and interval. A symbol that lags further behind it has no pair any more: its values are None."""


class Closes:
    """The latest closes of one symbol and interval, by the end of their bars, which rises."""

    __slots__ = ("_closes", "last_end")

    def __init__(self) -> None:
        self._closes: dict[int, float] = {}
        self.last_end = -1

    def add(self, end: int, close: float) -> None:
        """Take the next bar; what is not newer than the last changes nothing."""
        if end <= self.last_end:
            return
        self.last_end = end
        self._closes[end] = close
        if len(self._closes) > CLOSES_KEPT:
            del self._closes[next(iter(self._closes))]

    def at(self, end: int) -> float | None:
        """The close of the bar with this end."""
        return self._closes.get(end)

    def save(self) -> list[Any]:
        """Plain data."""
        return [self.last_end, list(self._closes.items())]

    def load(self, stored: list[Any]) -> None:
        """Continue from what was saved."""
        self.last_end = stored[0]
        self._closes = dict(stored[1])
