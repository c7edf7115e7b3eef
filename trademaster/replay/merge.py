"""Partitions merged by event time: each stays in the order of its offsets, and ties go by topic, partition, offset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.bus import Int64s
from trademaster.replay.timed import Timed

Records = Iterator[Timed]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Records that follow one another in a replay: parts of several partitions, and how they interleave."""

    parts: Sequence[Timed]
    """By topic and partition."""
    times: Int64s
    """Shape (n,), never falling: when each is due, in the order of the replay."""
    order: Int64s
    """Shape (n,): place of each in the concatenation of ``parts``, in the order of the replay."""

    def __len__(self) -> int:
        return len(self.times)


class _Lane:
    """One partition: the part that is at hand, and how far it is used."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._latest_ns = -1
        self.part: Timed | None = None
        self.due: Int64s = np.empty(0, np.int64)
        """When each record is due: a late one with what stands before it."""
        self.at = 0
        self.load()

    def load(self) -> None:
        """The next part that holds anything; None at the end."""
        self.part, self.at = next((part for part in self._records if len(part)), None), 0
        if self.part is not None:
            self.due = np.maximum(np.maximum.accumulate(self.part.times), self._latest_ns)
            self._latest_ns = int(self.due[-1])

    def take(self, horizon_ns: int, *, with_equal: bool) -> tuple[Timed, Int64s] | None:
        assert self.part is not None
        start, stop = self.at, int(np.searchsorted(self.due, horizon_ns, "right" if with_equal else "left"))
        if stop <= start:
            return None
        part, due = self.part.part(start, stop), self.due[start:stop]
        self.at = stop
        if stop == len(self.part):
            self.load()
        return part, due


def merged(partitions: Sequence[Records]) -> Iterator[Slice]:
    """Slices in the order of the replay.

    Args:
        partitions: the records of each partition in the order of their offsets, by topic and partition.
    """
    lanes = [lane for lane in map(_Lane, partitions) if lane.part is not None]
    while lanes:
        # Nothing after the part of that lane that ends first can be due before its end.
        horizon_ns, last = min((int(lane.due[-1]), place) for place, lane in enumerate(lanes))
        taken = [lane.take(horizon_ns, with_equal=place <= last) for place, lane in enumerate(lanes)]
        lanes = [lane for lane in lanes if lane.part is not None]
        parts = [some for some in taken if some is not None]
        due = np.concatenate([part_due for _, part_due in parts])
        order = np.argsort(due, kind="stable") if len(parts) > 1 else np.arange(len(due))
        yield Slice([part for part, _ in parts], due[order], order)
