"""What a flow is: a row of the table of flows, and a function that builds streams from streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from bytewax.operators import KeyedStream

from flows.table import FlowRow
from schemas.control import Control
from schemas.events import Event, RawEnvelope
from schemas.outgoing import Outgoing

SHARD_KEYS = (
    "00-6", "01-68", "02-28", "03-87", "04-0", "05-20", "06-21", "07-54",
    "08-19", "09-43", "10-16", "11-8", "12-4", "13-65", "14-21", "15-109",
)  # fmt: skip
"""Names of the shards. The engine sends a key to a worker by a hash of its text; these spread evenly over 2, 3, 4 and 8
workers (8/8, 6/5/5, 4/4/4/4, 2 each). They name stored state: never change them."""


class Said(Protocol):
    """What was published after a snapshot was taken, for steps that must not say it otherwise (law 5)."""

    def marks(self) -> Mapping[str, Mapping[int, int]]:
        """Positions in the output topics, at or before which everything is in the snapshot."""

    def since(self, marks: Mapping[str, Mapping[int, int]] | None) -> list[RawEnvelope]:
        """Events of those topics from these positions on (None: all they hold), in the order of their partitions."""


class Snapshots(Protocol):
    """Where a step's state is kept between epochs."""

    def save(self, step_id: str, key: str, state: Any) -> Any:
        """Keep it; what comes back is small and goes into the engine's own store."""

    def load(self, step_id: str, key: str, saved: Any) -> Any: ...


def step_id(*parts: str) -> str:
    """An id for a step of a topic; the engine allows no dots."""
    return "_".join(parts).replace(".", "_")


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine gives a flow beside its streams."""

    settings: Any
    """The flow's own settings, frozen."""
    snapshots: Snapshots
    said: Said
    controls: tuple[Control, ...] = ()
    """What the control topics held when the run started: applied to fresh state before the first event."""
    present: Callable[[], Sequence[Event[Any]]] = tuple
    """What the compacted topics of events hold that the flow reads from the bus: for steps that must know it before their first event."""
    failing: AbstractContextManager[object] = field(default_factory=nullcontext)
    """Entered around a step's work: hears of the error that ends it, which the engine of a cluster loses.
    It may swallow the error, where it ends the run by itself."""
    is_alone: bool = False
    """Whether this process is the only one of the run: then it hears all controls."""
    recovers: bool = True
    """Whether state is stored at all; where nothing resumes, as in a pipe, none is made ready at each epoch."""


Streams = Mapping[str, KeyedStream[Any]]
"""Topic to stream of (shard key, inside value)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A dataflow: its row of the table, and its code."""

    row: FlowRow
    build: Callable[[Streams, Context], Streams]
    encode: Callable[[Any], Mapping[str, Callable[[Sequence[Any]], Outgoing]]]
    """From the flow's settings to the codec of each topic written, which takes what all shards made of a batch at once.
    ``dead.letters`` needs none: its inside value is list[Reject]."""
    reads: Callable[[Any], tuple[str, ...]] | None = None
    """From the flow's settings to the topics of its row that it reads with these; None: all."""
