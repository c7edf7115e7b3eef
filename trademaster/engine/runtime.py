"""What one worker process has, once: its bus, its writer, its part of the work, and whether it shall stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.bus import Bus, Position, Writer
from schemas.dead_letters import Reason, Reject
from schemas.errors import TradeMasterError
from schemas.event_codec import open_envelope
from schemas.events import RawEnvelope
from trademaster.bus.reading import read_to_end
from trademaster.engine.snapshots import SnapshotFiles
from trademaster.telemetry.recorder import Recorder

IDLE_SLEEP_S = 0.0005
"""Rest of a process when none of its sources had anything: the cost is half of this in latency, a few percent of a core."""

REFRESH_S = 5.0
"""Age at which the known ends of the output topics are asked for again."""


KEPT_S = 60.0
"""For how long what was read of them is kept."""


class Idle:
    """Lets a process rest when all of its sources came back empty, and never while one has work.

    The engine calls a source again after a wait by the wall clock, which may be set back; so ours are always due and rest here.
    """

    def __init__(self) -> None:
        self.sources = 0
        self.busy_ns = time.monotonic_ns()
        """When any of them last had something."""
        self._empty = 0

    def empty(self) -> None:
        self._empty += 1
        if self._empty >= self.sources:
            self._empty = 0
            time.sleep(IDLE_SLEEP_S)

    def busy(self) -> None:
        self._empty = 0
        self.busy_ns = time.monotonic_ns()


class Failing:
    """Entered around all that the engine calls. Hears of an error of ours before the engine does.

    A worker of a cluster whose step raises brings its peers down, and what comes out of the engine, here and there, is their panic.
    """

    def __init__(self, hear: Callable[[TradeMasterError], object] = lambda _: None) -> None:
        self._hear = hear

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, TradeMasterError):
            self._hear(error)


@dataclass(slots=True)
class Runtime:
    """One worker process."""

    bus: Bus
    writer: Writer
    recorder: Recorder
    snapshots: SnapshotFiles
    process: int = 0
    """Index of this process, from 0."""
    is_alone: bool = True
    """There is no other."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set by SIGTERM: sources say that they are at their end, everything drains, state is saved."""
    until_end: bool = False
    """Sources end where their topic ended when they were opened; those in a cycle when nothing comes any more."""
    in_cycles: frozenset[str] = frozenset()
    """Topics that the run writes and reads back from the bus."""
    failing: Failing = field(default_factory=Failing)
    idle: Idle = field(default_factory=Idle)
    closing_ns: int = 0
    """When the epoch that is being closed began to be, monotonic ns; 0: none is."""

    def count_rejects(self, rejects: Sequence[Reject]) -> None:
        for reject in rejects:
            if reject.reason is Reason.LATE:
                self.recorder.late(reject.topic, 1)
            else:
                self.recorder.dead(reject.topic, reject.reason)


class Published:
    """What was published after a snapshot (law 5): positions kept with each, and read again from there.

    A position may be too early, never too late: what lies before a snapshot and is read again changes nothing. So a snapshot takes
    the last known ends of the topics, and new ones are asked for in the background, over a bus of their own, which stays open: opening
    one costs milliseconds, and they would fall into the closing of an epoch.
    """

    def __init__(self, open_own_bus: Callable[[], Bus], topics: Sequence[str]) -> None:
        self._open = open_own_bus
        self._topics = topics
        self._read: dict[str, tuple[float, list[RawEnvelope]]] = {}
        self._refreshing = threading.Thread(target=lambda: None)
        self._marks: Mapping[str, Position] = {}
        self._bus = open_own_bus()
        self._refresh()

    def _refresh(self) -> None:
        self._marks = {topic: dict(self._bus.state(topic).end) for topic in self._topics}
        self._refreshed = time.monotonic()

    def marks(self) -> Mapping[str, Position]:
        self._forget()
        marks = self._marks
        if time.monotonic() - self._refreshed > REFRESH_S and not self._refreshing.is_alive():
            self._refreshing = threading.Thread(target=self._refresh, name="published", daemon=True)
            self._refreshing.start()
        return marks

    def since(self, marks: Mapping[str, Mapping[int, int]] | None) -> list[RawEnvelope]:
        marks = dict.fromkeys(self._topics, _BEGINNING) if marks is None else marks
        key = repr(marks)
        if key not in self._read:
            bus = self._open()
            try:
                events = [event for topic, position in marks.items() for event in _events(bus, topic, position)]
            finally:
                bus.close()
            self._read[key] = time.monotonic(), events
        return self._read[key][1]

    def close(self) -> None:
        """A refresh under way ends with the process."""
        if not self._refreshing.is_alive():
            self._bus.close()

    def _forget(self) -> None:
        """Shards resume together, so what they read is kept a while; the rest would be a topic held in memory."""
        oldest = time.monotonic() - KEPT_S
        self._read = {key: kept for key, kept in self._read.items() if kept[0] > oldest}


_BEGINNING: Mapping[int, int] = {}


def _events(bus: Bus, topic: str, position: Mapping[int, int]) -> Iterator[RawEnvelope]:
    for batch in read_to_end(bus, topic, position):
        yield from (open_envelope(value) for value in batch.values() if value)
