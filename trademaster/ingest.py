"""Feeds into the bus: ticks of a file or a simulator, lines of JSON; at the pace of their event time or as fast as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from schemas.bus import Bus, Records, Writer
from schemas.control_codec import NO_KEY
from schemas.dead_letters import INGEST, Reason, Reject, encode_dead_letters
from schemas.errors import UsageError
from schemas.json_errors import JSON_ERRORS
from schemas.partitioning import partition_of
from schemas.placement import place_record
from schemas.ticks import Rows
from schemas.times import MAX_TIME_NS, parse_time
from schemas.topics import topic as topic_row
from sources.bare_payloads import envelope
from sources.jsonl import LineBlock
from sources.payloads import PayloadBlock
from sources.table import BadLine, TickBlock
from trademaster.pacing import Clock, MonotonicClock, Pacer
from trademaster.tick_records import TOPIC, heartbeats, route, tick_records

DEAD_LETTERS = "dead.letters"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is; the last one is its result."""

    events: int = 0
    """Ticks, or lines of JSON, written."""
    records: int = 0
    """Records they became, heartbeats not counted."""
    rejected: int = 0
    """Rows that became dead letters."""
    heartbeats: int = 0
    first_time_ns: int = -1
    """Event time of the first tick; -1: none yet."""
    last_time_ns: int = -1
    """Latest event time."""
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float:
        """Events a second of the clock."""
        return self.events / self.elapsed_s if self.elapsed_s else 0.0


def parse_speed(text: str) -> float | None:
    """``max`` (None) or how many times faster than the clock event time runs.

    Raises:
        UsageError: it is neither.
    """
    if text.casefold() == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1e9:
        raise UsageError(f"--speed: expected max or a number above 0, found {text!r}", hint="1 is as it was, 60 a minute a second")
    return speed


class Ingest:
    """Writes one feed. ``ticks`` and ``lines`` may be called once each on one object; the writer stays open."""

    def __init__(
        self,
        writer: Writer,
        bus: Bus,
        *,
        source: str,
        speed: float | None = None,
        batch: int = 1,
        idle_s: float = 1.0,
        end_after_ns: int = 0,
        progress: Callable[[Progress], None] | None = None,
        progress_s: float = 0.25,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is written yet.

        Args:
            source: name of the feed, in dead letters.
            speed: of event time against the clock; None: as fast as it goes.
            batch: ticks a record at most.
            idle_s: a paced feed that has no tick for so long writes a heartbeat to every partition.
            end_after_ns: at its end the feed writes heartbeats of its latest time plus this: bars that end before close. What follows
                with an earlier time is late.
            progress: called every ``progress_s`` and at the end.

        Raises:
            UsageError: ``batch`` is out of range.
            UnknownTopic: the bus has no topics yet.
        """
        if not 1 <= batch <= 10_000:
            raise UsageError(f"--batch: expected 1 to 10000 ticks a record, found {batch}")
        self._writer, self._bus, self._source = writer, bus, source
        self._batch, self._end_after_ns = batch, end_after_ns
        self._clock = clock or MonotonicClock()
        self._pacer = Pacer(speed, self._clock, idle_s=idle_s)
        self._report, self._report_ns = progress, int(progress_s * 1e9)
        self._partitions: dict[str, int] = {}
        self._count(TOPIC)
        self._began_ns = self._reported_ns = self._clock.now_ns()
        self._flushed = True
        self.state = Progress()

    def ticks(self, blocks: Iterable[TickBlock | Rows]) -> Progress:
        """Write ticks, each to its symbol's partition, and rejected rows to ``dead.letters``; flush at the end."""
        for block in blocks:
            rows = block.rows if isinstance(block, TickBlock) else block
            self._reject(block.rejects if isinstance(block, TickBlock) else [])
            times = np.maximum.accumulate(rows["watermark"])
            for start, end, idle_time_ns in self._pacer.due(times):
                if end > start:
                    records = tick_records(rows[start:end], self._count(TOPIC), self._batch)
                    self._wrote(records, end - start, int(times[start]), int(times[end - 1]))
                else:
                    self._wait(idle_time_ns)
        return self._end()

    def lines(self, blocks: Iterable[LineBlock]) -> Progress:
        """Write lines of JSON to their topics; a bare payload gets a header. Ticks set the pace, other lines go with them."""
        for block in blocks:
            self._reject(block.rejects)
            times = self._times(block)
            for start, end, idle_time_ns in self._pacer.due(times):
                if end > start:
                    self._write_lines(block, start, end, times)
                else:
                    self._wait(idle_time_ns)
        return self._end()

    def payloads(self, blocks: Iterable[PayloadBlock], topic: str) -> Progress:
        """Write the rows of a table to a topic other than ``market.ticks``."""
        as_lines = (LineBlock(block.lines.tolist(), [topic] * len(block.lines), block.payloads, block.rejects) for block in blocks)
        return self.lines(as_lines)

    def _write_lines(self, block: LineBlock, start: int, end: int, times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        at = start
        while at < end:
            # Runs of one topic are one write; order across topics is not kept by any bus.
            stop, events = at, 0
            places: list[int] = []
            keys: list[bytes] = []
            values: list[bytes | None] = []
            while stop < end and block.topics[stop] == block.topics[at]:
                routes = self._routes(block, stop, int(times[stop]))
                for place, key, value in routes:
                    places.append(place)
                    keys.append(key)
                    values.append(value)
                events += bool(routes)
                stop += 1
            if values:
                self._wrote(Records(block.topics[at], places, keys, values), events, int(times[at]), int(times[stop - 1]))
            at = stop

    def _routes(self, block: LineBlock, at: int, time_ns: int) -> Sequence[tuple[int, bytes, bytes | None]]:
        topic, value = block.topics[at], block.values[at]
        if topic == TOPIC:
            return route(value, self._count(TOPIC))
        if not value:
            return self._deletion(block.lines[at], block.keys.get(block.lines[at]))
        event = envelope(topic, block.lines[at], value, time_ns or None)  # as far as the ticks before it have come
        key, partition_key = place_record(topic, event)
        return [(0 if topic_row(topic).single else partition_of(partition_key, self._count(topic)), key, event)]

    def _deletion(self, line: int, key: bytes | None) -> list[tuple[int, bytes, None]]:
        """The tombstone of a control entry, if the line names it."""
        if key:
            return [(0, key, None)]
        self._reject([BadLine(line, Reason.CONTROL, NO_KEY, b"null")])
        return []

    def _times(self, block: LineBlock) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        latest = max(self.state.last_time_ns, 0)
        times = np.empty(len(block.lines), np.int64)
        for at, (topic, value) in enumerate(zip(block.topics, block.values, strict=True)):
            if topic == TOPIC:
                latest = max(latest, _tick_time_ns(value))
            times[at] = latest
        return times

    def _count(self, topic: str) -> int:
        if topic not in self._partitions:
            self._partitions[topic] = len(self._bus.partitions(topic))
        return self._partitions[topic]

    def _wrote(self, records: Records, events: int, first_ns: int, last_ns: int) -> None:
        self._writer.write(records)
        self._flushed = False
        state = self.state
        self.state = replace(
            state,
            events=state.events + events,
            records=state.records + len(records),
            first_time_ns=first_ns if state.first_time_ns < 0 else state.first_time_ns,
            last_time_ns=max(state.last_time_ns, last_ns),
        )
        self._tell()

    def _wait(self, idle_time_ns: int) -> None:
        """Before the pacer sleeps what was written must be readable; an idle feed says so."""
        if idle_time_ns >= 0:
            self._beat(idle_time_ns)
        if not self._flushed:
            self._writer.flush()
            self._flushed = True
        self._tell()

    def _beat(self, time_ns: int) -> None:
        records = heartbeats(min(time_ns, MAX_TIME_NS - 1), self._count(TOPIC))
        self._writer.write(records)
        self._flushed = False
        self.state = replace(self.state, heartbeats=self.state.heartbeats + len(records))

    def _reject(self, rejects: list[BadLine]) -> None:
        if not rejects:
            return
        origin = f"file:{self._source}"
        bad = [Reject(origin, 0, line.line, -1, line.reason, line.detail, line.text, time.time_ns()) for line in rejects]
        letters = encode_dead_letters(bad, INGEST)
        self._writer.write(letters.records(self._count(DEAD_LETTERS)))
        self._flushed = False
        self.state = replace(self.state, rejected=self.state.rejected + len(letters))

    def _tell(self, *, always: bool = False) -> None:
        now_ns = self._clock.now_ns()
        if always or now_ns - self._reported_ns >= self._report_ns:
            self._reported_ns = now_ns
            self.state = replace(self.state, elapsed_s=(now_ns - self._began_ns) / 1e9)
            if self._report is not None:
                self._report(self.state)

    def _end(self) -> Progress:
        if self.state.last_time_ns > 0:  # 0: no line was a tick
            self._beat(self.state.last_time_ns + self._end_after_ns)
        self._writer.flush()
        self._tell(always=True)
        return self.state


class _Timed(msgspec.Struct, gc=False):
    timestamp: str | int


_timed = msgspec.json.Decoder(_Timed | list[_Timed]).decode


def _tick_time_ns(value: bytes) -> int:
    """The latest time of a tick or an array of them; 0 where there is none, for the reader to judge."""
    try:
        ticks = _timed(value)
        return max((parse_time(tick.timestamp) for tick in (ticks if isinstance(ticks, list) else [ticks])), default=0)
    except JSON_ERRORS:
        return 0
