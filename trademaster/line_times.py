"""Times of the lines of a pipe that have none of their own.

A command or a report without a time happened when event time had come so far as the lines before it say. Before the first line that has a
time it is that one's, which is looked for in the LINES_AHEAD lines that follow. Where no line has a time, the line's number stands for it.
So the answer depends on the lines alone, and an order without a time is not of another day than the ticks that it meets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from schemas.event_reading import EVENT_TOPICS
from schemas.json_errors import JSON_ERRORS
from schemas.times import parse_time
from sources.jsonl import LineBlock

LINES_AHEAD = 10_000
"""How far the first time is looked for."""

TICKS, REPORTS = "market.ticks", "orders.events"

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_first = msgspec.json.Decoder(list[msgspec.Raw]).decode
_time = msgspec.json.Decoder(str | int).decode


class Ahead:
    """Blocks of lines, of which some may be looked at before their turn."""

    def __init__(self, blocks: Iterable[LineBlock]) -> None:
        self._blocks = iter(blocks)
        self._seen: deque[LineBlock] = deque()

    def __iter__(self) -> Iterator[LineBlock]:
        while True:
            block = self._seen.popleft() if self._seen else next(self._blocks, None)
            if block is None:
                return
            yield block

    def look(self) -> Iterator[LineBlock]:
        """The blocks after the present one, which stay."""
        yield from list(self._seen)
        for block in self._blocks:
            self._seen.append(block)
            yield block


class LineTimes:
    """What time it is, line by line."""

    def __init__(self) -> None:
        self._now_ns = -1
        self._given_ns = -1
        self._has_looked = False

    def pass_time(self, time_ns: int) -> None:
        """A line had this time; one below 0 is none."""
        self._now_ns = max(self._now_ns, time_ns)

    def look_ahead(self, block: LineBlock, at: int, following: Ahead) -> None:
        """Before line ``at`` of a block: find the first time, if none is known and the line needs one."""
        if (
            self._has_looked
            or self._now_ns >= 0
            or block.topics[at] not in EVENT_TOPICS
            or own_time_ns(block.topics[at], block.values[at]) >= 0
        ):
            return
        self._has_looked = True
        left, start = LINES_AHEAD, at + 1
        for one in _chained(block, following):
            for topic, value in zip(one.topics[start : start + left], one.values[start : start + left], strict=True):
                left -= 1
                time_ns = own_time_ns(topic, value)
                if time_ns >= 0:
                    self._now_ns = time_ns
                    return
            start = 0
            if left <= 0:
                return

    def time_of(self, topic: str) -> int | None:
        """The time of a line without one; None: none is known. Reports of one time differ by a nanosecond, for some are known by it."""
        if self._now_ns < 0:
            return None
        if topic != REPORTS:
            return self._now_ns
        self._given_ns = max(self._now_ns, self._given_ns + 1)
        return self._given_ns


def _chained(block: LineBlock, following: Ahead) -> Iterator[LineBlock]:
    yield block
    yield from following.look()


def own_time_ns(topic: str, value: bytes) -> int:
    """The time that a tick or an event says; -1: it says none. An action's says nothing of when it came."""
    if topic != TICKS and topic not in EVENT_TOPICS:
        return -1
    try:
        fields = _fields(_first(value)[0] if value[:1] == b"[" else value)
        if "header" in fields and "payload" in fields:
            header, fields = _fields(fields["header"]), _fields(fields["payload"])
            fields = header if "timestamp" not in fields or bytes(fields["timestamp"]) == b"null" else fields
        return parse_time(_time(fields["timestamp"]))
    except (*JSON_ERRORS, KeyError, IndexError):
        return -1
