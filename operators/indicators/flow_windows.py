"""What ticks told of the windows of one symbol and interval, until their bars come."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple


class FlowWindow(NamedTuple):
    """A window of ticks that is over."""

    symbol: str
    interval: str
    end: int
    """UTC ns."""
    values: tuple[float | None, ...]
    """Of the configured indicators that are made of ticks, in their order."""


WINDOWS_KEPT = 2_000
"""That no bar has asked for yet. Where bars lag further behind the ticks, theirs is None."""


class FlowWindows:
    """The latest windows, by their end, which rises."""

    __slots__ = ("_windows", "last_end")

    def __init__(self) -> None:
        self._windows: deque[tuple[int, tuple[float | None, ...]]] = deque(maxlen=WINDOWS_KEPT)
        self.last_end = -1

    def add(self, end: int, values: tuple[float | None, ...]) -> None:
        """Take the next window; what is not newer than the last changes nothing."""
        if end > self.last_end:
            self.last_end = end
            self._windows.append((end, values))

    def take(self, end: int) -> tuple[float | None, ...] | None:
        """The window with this end; it and those before it are forgotten."""
        while self._windows and self._windows[0][0] <= end:
            found, values = self._windows.popleft()
            if found == end:
                return values
        return None

    def save(self) -> list[Any]:
        """Plain data."""
        return [self.last_end, [[end, list(values)] for end, values in self._windows]]

    def load(self, stored: list[Any]) -> None:
        """Continue from what was saved."""
        self.last_end = stored[0]
        self._windows.extend((end, tuple(values)) for end, values in stored[1])
