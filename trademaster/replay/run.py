"""``trademaster replay``: from where, what, how fast, where to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from schemas.topics import TOPICS, Lane
from trademaster.pacing import Clock, MonotonicClock, Pacer
from trademaster.replay.merge import Records, merged
from trademaster.replay.output import Output

INPUTS = tuple(topic.name for topic in TOPICS.values() if topic.lane is Lane.IN)
"""What a replay takes if nothing else is said: what came from outside. All else is made of it by flows."""


class History(Protocol):
    """Where what happened is kept."""

    def partitions(self, topic: str) -> int:
        """How many the topic has."""

    def records(self, topic: str, partition: int) -> Records:
        """What is wanted of a partition, in the order of its offsets."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is; the last one is its result."""

    records: int = 0
    first_time_ns: int = -1
    """Event time of the first record; -1: none yet."""
    time_ns: int = -1
    """Event time that has been reached."""
    elapsed_s: float = 0.0


def replay(
    history: History,
    topics: Sequence[str],
    output: Output,
    *,
    speed: float | None = None,
    progress: Callable[[Progress], object] = lambda _: None,
    clock: Clock | None = None,
) -> Progress:
    """Write what the history holds, in the order of event time; each partition stays in the order of its offsets.

    Args:
        speed: of event time against the clock; None: as fast as it goes.
        progress: told after each part.
    """
    clock = clock or MonotonicClock()
    began_ns, state = clock.now_ns(), Progress()
    pacer = Pacer(speed, clock)
    lanes = [history.records(topic, part) for topic in sorted(topics) for part in range(history.partitions(topic))]
    for slice_ in merged(lanes):
        for start, end, _ in pacer.due(slice_.times):
            if end == start:
                output.flush()  # the pacer is about to wait
                continue
            output.write(slice_, start, end)
            state = replace(
                state,
                records=state.records + end - start,
                first_time_ns=int(slice_.times[0]) if state.first_time_ns < 0 else state.first_time_ns,
                time_ns=int(slice_.times[end - 1]),
                elapsed_s=(clock.now_ns() - began_ns) / 1e9,
            )
            progress(state)
    output.flush()
    state = replace(state, elapsed_s=(clock.now_ns() - began_ns) / 1e9)
    progress(state)
    return state
