"""Events on their way out: encoded once, with what a bus needs to place them and what a filter needs to order them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.bus import Records


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """Encoded events of one topic, as columns of equal length, in the order in which they were made."""

    topic: str
    keys: Sequence[bytes]
    values: Sequence[bytes]
    hashes: Sequence[int]
    """``murmur2 & 0x7fffffff`` of each event's partition key: its partition is this modulo their number."""
    causes: Sequence[int]
    """Offset of the input record that caused each event (pipe: the line)."""
    times: Sequence[int]
    """Event time of each, UTC ns."""

    def __len__(self) -> int:
        return len(self.values)

    def records(self, partitions: int) -> Records:
        """As a writer takes them, for a topic of that many partitions."""
        return Records(self.topic, [value % partitions for value in self.hashes], self.keys, self.values)
