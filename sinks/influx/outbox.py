"""Lines on their way to InfluxDB: gathered into requests by number and age, sent by a few threads, tried again until they are there.

Bounded: ``put`` waits while too much is on its way, and then the bus is not read. A request that holds a bad line is halved until the bad
line stands alone.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from schemas.bus import Batch, Bytes1D, Int64s
from schemas.dead_letters import Reason, Reject
from schemas.errors import StoreInterrupted
from sinks.influx.lines import reject
from sinks.influx.requests import Answer, Verdict, WriteClient
from sinks.influx.trouble import Trouble


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Lines of one batch."""

    data: Bytes1D
    ends: Int64s
    """Shape (n,): where each line ends in ``data``."""
    batch: Batch
    rows: Int64s
    """Shape (n,): the record of each."""

    def __len__(self) -> int:
        return len(self.ends)

    def slice(self, start: int, stop: int) -> Part:
        """Some of the lines; nothing is copied."""
        begin = int(self.ends[start - 1]) if start else 0
        return Part(self.data[begin : self.ends[stop - 1]], self.ends[start:stop] - begin, self.batch, self.rows[start:stop])


Chunk = list[Part]
"""What one request sends."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How lines are gathered."""

    request_points: int
    """Most of one request."""
    wait_s: float
    """Longest that a line waits for others."""
    buffer_points: int
    """Most that are on their way."""
    senders: int
    """Requests at the same time."""


FIRST_DELAY_S, MOST_DELAY_S = 0.1, 10.0
"""Between attempts: doubled each time, and less by chance, so that senders of many processes do not come at once."""


class Outbox:
    """What was written and is not yet in the store.

    Args:
        client: sends.
        limits: of what is gathered.
        stopping: set when the run shall stop.
        trouble: tells people.
    """

    def __init__(self, client: WriteClient, limits: Limits, stopping: threading.Event, trouble: Trouble) -> None:
        self._client = client
        self._limits = limits
        self._stopping = stopping
        self._trouble = trouble
        self._changed = threading.Condition()
        self._open: Chunk = []
        self._open_points = 0
        self._opened_s = 0.0
        self._full: deque[Chunk] = deque()
        self._points = 0
        self._draining = False
        self._closed = False
        self._error: BaseException | None = None
        self._rejects: list[Reject] = []
        self._not_before_s = 0.0
        self._threads = [threading.Thread(target=self._run, name=f"influxdb-{at}", daemon=True) for at in range(limits.senders)]
        for thread in self._threads:
            thread.start()

    def put(self, part: Part) -> None:
        """Take lines; waits while there are too many.

        Raises:
            StoreInterrupted: the run shall stop, and the store is out of reach.
        """
        with self._changed:
            self._gather(part)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error or self._points <= self._limits.buffer_points)
            self._check()

    def drain(self) -> None:
        """Return when nothing is on its way; errors as of ``put``."""
        with self._changed:
            self._draining = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error or not self._points)
            self._draining = False
            self._check()

    def take_rejects(self) -> Sequence[Reject]:
        """What the store refused since the last call."""
        with self._changed:
            found, self._rejects = self._rejects, []
            return found

    def close(self) -> None:
        """End the threads; what is on its way is left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(1.0)
        self._client.close()

    def _check(self) -> None:
        if isinstance(self._error, StoreInterrupted):
            raise StoreInterrupted(str(self._error), hint=self._error.hint)
        if self._error is not None:
            raise self._error

    def _gather(self, part: Part) -> None:
        most, at = self._limits.request_points, 0
        self._points += len(part)
        while at < len(part):
            count = min(len(part) - at, most - self._open_points)
            if not self._open:
                self._opened_s = time.monotonic()
            self._open.append(part.slice(at, at + count))
            self._open_points += count
            at += count
            if self._open_points == most:
                self._shut()

    def _shut(self) -> None:
        self._full.append(self._open)
        self._open, self._open_points = [], 0

    def _run(self) -> None:
        try:
            while (chunk := self._next()) is not None:
                self._deliver(chunk)
                with self._changed:
                    self._points -= sum(map(len, chunk))
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - whoever writes hears of it
            with self._changed:
                self._error = self._error or error
                self._changed.notify_all()

    def _next(self) -> Chunk | None:
        """The next request's lines: as many as it takes, or those that waited long enough; None: there will be no more."""
        with self._changed:
            while not self._closed and self._error is None:
                age_s = time.monotonic() - self._opened_s
                if self._open and (self._draining or age_s >= self._limits.wait_s) and not self._full:
                    self._shut()
                if self._full:
                    return self._full.popleft()
                self._changed.wait(max(0.0, self._limits.wait_s - age_s) if self._open else None)
            return None

    def _deliver(self, chunk: Chunk) -> None:
        left = [chunk]
        while left:
            lines = left.pop()
            count, answer = sum(map(len, lines)), self._answer(lines)
            if answer.verdict is Verdict.TAKEN:
                continue
            if count == 1 or (answer.is_old and answer.dropped == count):
                self._refuse(lines, answer)
            else:
                left += [part for part in reversed(_halves(lines, count // 2)) if part]

    def _answer(self, lines: Chunk) -> Answer:
        """What the server says of these lines once it says anything of them."""
        attempt = 0
        while True:
            self._wait(self._not_before_s - time.monotonic())
            answer = self._client.send(_pieces(lines))
            if answer.verdict in (Verdict.TAKEN, Verdict.BAD):
                self._trouble.over()
                return answer
            self._trouble.met(answer)
            if self._stopping.is_set() or self._closed:
                raise StoreInterrupted(
                    f"expected InfluxDB to take what was read, found {answer.text}", hint="the next run reads it again; nothing is lost"
                )
            if answer.wait_s:
                self._not_before_s = time.monotonic() + answer.wait_s
            delay_s = min(MOST_DELAY_S, FIRST_DELAY_S * 2**attempt)
            self._wait(max(answer.wait_s, delay_s * random.uniform(0.5, 1.0)))  # noqa: S311 - no secret
            attempt = min(attempt + 1, 16)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _refuse(self, lines: Chunk, answer: Answer) -> None:
        why = "it is older than what the bucket keeps" if answer.is_old else _without_counts(answer.text)
        detail = f"expected what InfluxDB takes, found that {why}"[:500]  # the same each time: one id has one content
        found = [reject(part.batch, row, Reason.UNSTORABLE, detail) for part in lines for row in part.rows.tolist()]
        with self._changed:
            self._rejects += found


_without_counts = partial(re.compile(r"^\d+: |failure writing points to database: |partial write: | dropped=\d+.*").sub, "")


def _pieces(lines: Chunk) -> Iterator[memoryview]:
    return (part.data.data for part in lines)


def _halves(lines: Chunk, first: int) -> tuple[Chunk, Chunk]:
    """The first so many, and the others."""
    ahead: Chunk = []
    behind: Chunk = []
    for part in lines:
        take = min(first, len(part))
        first -= take
        if take:
            ahead.append(part.slice(0, take))
        if take < len(part):
            behind.append(part.slice(take, len(part)))
    return ahead, behind
