"""``trademaster pipe``: flows over lines, from beginning to end, the same answer each time.

One worker, one source, in lockstep: an epoch of zero length makes the engine finish each step of the input before it takes the next.
What goes round a cycle of flows becomes a step of its own before the next line. What a line caused is written when all of it is done: by
causing line, topic, key and counter; what the end of input closes comes last, by event time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, BinaryIO

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Stream
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.flow import Context, step_id
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord, UsageError
from schemas.events import Place, RawEnvelope
from schemas.outgoing import Outgoing
from trademaster.engine.bus_part import REJECTED, Item
from trademaster.engine.event_parts import items_of
from trademaster.engine.snapshots import SnapshotFiles
from trademaster.engine.topology import find_rows, refuse_deliveries, topics_in_cycles, topics_read
from trademaster.engine.wiring import Ends, find_flows, wire
from trademaster.flow_settings import flow_settings
from trademaster.settings import Settings

Step = Sequence[tuple[str, Item]]
"""What is processed before the next step begins: (topic, item)."""


LINE_NS = 1_000_000
"""A line was first seen at no time that is known: its number in milliseconds since 1970 stands for it."""

MOST_ROUNDS = 10_000
"""Times that what one line caused may go round; more than that would never end."""


@dataclass(slots=True)
class Progress:
    """Shared by the source and the sink of one pipe."""

    topics_back: frozenset[str] = frozenset()
    """What is written to these is read again before the next line."""
    back: list[tuple[Place, bytes]] = field(default_factory=list)
    """Records that wait to be read again."""
    rounds: int = 0
    """How often the present line has gone round."""
    ended: bool = False
    """The step under way is the one that the end of input makes, or comes of it."""
    written: dict[str, int] = field(default_factory=dict)
    """Events written, by topic."""


class StepsPart(StatefulSourcePartition[tuple[str, Item], None]):
    """Hands over a step at a time."""

    def __init__(self, steps: Iterator[Step], last: Callable[[], Step], progress: Progress) -> None:
        self._steps = steps
        self._last = last
        self._progress = progress

    def next_batch(self) -> Step:
        if self._progress.back:
            return self._again()
        self._progress.rounds = 0
        if self._progress.ended:
            raise StopIteration
        step = next(self._steps, None)
        if step is None:
            self._progress.ended = True
            return self._last()
        return step

    def _again(self) -> Step:
        """What the last step wrote to topics that are read here."""
        self._progress.rounds += 1
        if self._progress.rounds > MOST_ROUNDS:
            raise UsageError(f"expected what a line causes to end, found that it went round the flows {MOST_ROUNDS} times")
        step = [(place.topic, item) for place, value in self._progress.back for item in _items(place, value)]
        self._progress.back = []
        return step

    def snapshot(self) -> None:
        return None


def _items(place: Place, value: bytes) -> list[Item]:
    """A record that a flow wrote, as its source would give it."""
    try:
        return items_of(place, None, value)
    except RejectedRecord as error:
        return [(REJECTED, [Reject(*place, -1, Reason(error.reason), str(error), value, place.offset * LINE_NS)])]


class Steps(FixedPartitionedSource[tuple[str, Item], None]):
    """The one source."""

    def __init__(self, steps: Iterator[Step], last: Callable[[], Step], progress: Progress) -> None:
        self._part = StepsPart(steps, last, progress)

    def list_parts(self) -> list[str]:
        return ["lines"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> StepsPart:
        return self._part


class LinesPart(StatefulSinkPartition[Outgoing, None]):
    """Collects what a step caused; writes it in order when the step's epoch closes."""

    def __init__(self, out: BinaryIO, progress: Progress) -> None:
        self._out = out
        self._progress = progress
        self._waiting: list[tuple[int, str, bytes, int, bytes]] = []

    def write_batch(self, items: list[Outgoing]) -> None:
        for item in items:
            order = item.times if self._progress.ended else item.causes
            at = len(self._waiting)
            columns = zip(np.asarray(order).tolist(), item.keys, item.values, strict=True)
            self._waiting.extend((place, item.topic, key, at + count, value) for count, (place, key, value) in enumerate(columns))
            self._progress.written[item.topic] = self._progress.written.get(item.topic, 0) + len(item)
            if item.topic in self._progress.topics_back:
                self._progress.back += (
                    (Place(item.topic, 0, line), value) for line, value in zip(np.asarray(item.causes).tolist(), item.values, strict=True)
                )

    def snapshot(self) -> None:
        if self._progress.back:
            return
        self._waiting.sort()
        self._out.writelines(b'{"topic":"%s","value":%s}\n' % (topic.encode(), value) for _, topic, _, _, value in self._waiting)
        self._out.flush()
        self._waiting.clear()

    def close(self) -> None:
        self._progress.back = []
        self.snapshot()


class Lines(FixedPartitionedSink[Outgoing, None]):
    """The one sink: standard output."""

    def __init__(self, out: BinaryIO, progress: Progress) -> None:
        self._part = LinesPart(out, progress)

    def list_parts(self) -> list[str]:
        return ["lines"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> LinesPart:
        return self._part


class NothingSaid:
    """A pipe begins afresh: nothing was published before it."""

    def marks(self) -> Mapping[str, Mapping[int, int]]:
        return {}

    def since(self, marks: Mapping[str, Mapping[int, int]] | None) -> list[RawEnvelope]:
        return []


def run_pipe(
    settings: Settings,
    names: Sequence[str],
    steps: Iterator[Step],
    last: Callable[[], Step],
    out: BinaryIO,
    failing: AbstractContextManager[object] | None = None,
) -> dict[str, int]:
    """Run the flows over all steps.

    Args:
        settings: of the flows.
        names: of the flows.
        steps: the input.
        last: what the end of the input makes: watermarks of the end of time.
        out: takes a JSON line an event.
        failing: entered around the work of each step; it may swallow an error, and then ends ``steps`` and ``last``.

    Returns:
        Events written, by topic.
    """
    from bytewax.run import cli_main

    logging.getLogger("bytewax").setLevel(logging.ERROR)
    flows = find_flows(names)
    progress = Progress(frozenset(topics_in_cycles([flow.row for flow in flows])))
    ends = Ends(
        inputs=lambda dataflow, topics: _by_topic(op.input("lines", dataflow, Steps(steps, last, progress)), topics),
        sink=Lines(out, progress),
        sink_key="lines",
    )
    common: dict[str, Any] = {
        "snapshots": SnapshotFiles(None),
        "said": NothingSaid(),
        "failing": failing or nullcontext(),
        "is_alone": True,
        "recovers": False,
    }
    contexts = {flow.row.name: Context(flow_settings(flow.row.name, settings), **common) for flow in flows}
    cli_main(wire(flows, contexts, ends), epoch_interval=timedelta(0))
    return progress.written


def _by_topic(lines: Stream[tuple[str, Item]], topics: Sequence[str]) -> dict[str, Stream[Any]]:
    return {topic: op.filter_map(step_id(topic, "lines"), lines, _only(topic)) for topic in topics}


def _only(topic: str) -> Any:
    return lambda pair: pair[1] if pair[0] == topic else None


def inputs_of(names: Sequence[str]) -> list[str]:
    """Topics that these flows take from outside when they run as a filter.

    Raises:
        UsageError: one is a delivery.
    """
    refuse_deliveries(names)
    return topics_read(find_rows(names))


def is_by_line(names: Sequence[str]) -> bool:
    """Whether each line is a step of its own, not a run of ticks."""
    return any(row.by_line for row in find_rows(names))
