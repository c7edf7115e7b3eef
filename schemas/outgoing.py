"""Events on their way out: encoded once, with what a bus needs to place them and what a filter needs to order them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.bus import Column, Int32s, Int64s, RecordColumns, Records


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """Encoded events of one topic, as columns of equal length, in the order in which they were made. Keys and values are of one form."""

    topic: str
    keys: Sequence[bytes] | Column
    values: Sequence[bytes] | Column
    hashes: Sequence[int] | Int32s
    """``murmur2 & 0x7fffffff`` of each event's partition key: its partition is this modulo their number."""
    causes: Sequence[int] | Int64s
    """Offset of the input record that caused each event (pipe: the line)."""
    times: Sequence[int] | Int64s
    """Event time of each, UTC ns."""

    def __len__(self) -> int:
        return len(self.values)

    def records(self, partitions: int) -> Records | RecordColumns:
        """As a writer takes them, for a topic of that many partitions."""
        places = np.asarray(self.hashes, np.int32) % np.int32(partitions)
        if isinstance(self.keys, Column) and isinstance(self.values, Column):
            return RecordColumns(self.topic, places, self.keys, self.values)
        return Records(self.topic, places.tolist(), list(self.keys), list(self.values))
