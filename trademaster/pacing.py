"""Event time against a clock: which ticks are due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

SECOND_NS = 1_000_000_000


class Clock(Protocol):
    """A clock that only goes forward, and a way to wait for it."""

    def now_ns(self) -> int: ...

    def sleep(self, duration_s: float) -> None: ...


class MonotonicClock:
    """The machine's."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def sleep(self, duration_s: float) -> None:
        time.sleep(duration_s)


class Due(NamedTuple):
    """Ticks ``start`` to ``end`` of a block are due; none where the feed was idle or is about to wait."""

    start: int
    end: int
    idle_time_ns: int
    """Event time that has been reached where the feed is idle, else -1: all ticks before it are out."""


class Pacer:
    """Lets event time run ``speed`` times as fast as the clock, from the first tick on; None: as fast as it can.

    What is late is due at once, so a slow writer is caught up with, without sleeping.
    """

    def __init__(
        self, speed: float | None, clock: Clock, *, idle_s: float = 1.0, slice_rows: int = 8192, shortest_wait_s: float = 0.002
    ) -> None:
        """``idle_s``: clock time without a tick after which the feed is idle, and again; ``shortest_wait_s`` bounds how often it wakes."""
        self._speed = speed
        self._clock = clock
        self._idle_ns = int(idle_s * SECOND_NS)
        self._slice_rows = slice_rows
        self._shortest_wait_s = shortest_wait_s
        self._first_event_ns = 0
        self._first_clock_ns: int | None = None
        self._said_ns = 0

    def due(self, times: npt.NDArray[np.int64]) -> Iterator[Due]:
        """Cut a block whose times never fall into what is due, waiting between. An empty slice without a time: about to wait."""
        at, count = 0, len(times)
        while at < count:
            reached_ns = self._reached_ns(int(times[at]))
            end = count if reached_ns is None else at + int(np.searchsorted(times[at:], reached_ns, side="right"))
            if end > at:
                end = min(end, at + self._slice_rows)
                yield Due(at, end, -1)
                at, self._said_ns = end, self._clock.now_ns()
                continue
            yield Due(at, at, -1)
            if reached_ns is not None:
                self._wait(int(times[at]) - reached_ns)
                if self._clock.now_ns() - self._said_ns >= self._idle_ns:
                    self._said_ns = self._clock.now_ns()
                    yield Due(at, at, min(self._reached_ns(0) or 0, int(times[at])))

    def _reached_ns(self, next_ns: int) -> int | None:
        """Event time of this moment; None: the end of time."""
        if self._speed is None:
            return None
        now_ns = self._clock.now_ns()
        if self._first_clock_ns is None:
            self._first_clock_ns = self._said_ns = now_ns
            self._first_event_ns = next_ns
        return self._first_event_ns + int((now_ns - self._first_clock_ns) * self._speed)

    def _wait(self, ahead_ns: int) -> None:
        assert self._speed is not None
        until_due_s = ahead_ns / self._speed / SECOND_NS
        until_idle_s = (self._idle_ns - (self._clock.now_ns() - self._said_ns)) / SECOND_NS
        self._clock.sleep(max(min(until_due_s, until_idle_s), self._shortest_wait_s))
