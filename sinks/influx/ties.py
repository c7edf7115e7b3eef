"""Tells apart different events of one series and one nanosecond, so that none overwrites another.

InfluxDB knows a point by its series and its time alone. The first event of both is stored as it is; each further one with *another id* gets
the tag ``seq``: 1, 2, ... in the order of its partition. The same event again gets the number that it had.

For that a *memory* keeps of each of the last ``WINDOW`` points of a partition, at the least, a hash of series and time, one of its id, and
its offset. It is a file beside the delivery's stored state, mapped into memory, so it outlives ``kill -9`` and goes with its partition to
whatever process reads that. A number depends on what came before in the partition alone: not on batches, processes or crashes. After a
crash the memory is ahead of the position; what it knows of later offsets is passed over, but for an event's own number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from schemas.bus import Int64s
from schemas.errors import StoreError
from schemas.kernels import kernel, leaf
from sinks.influx.scan import Words

WINDOW = 1 << 14
"""Points of a partition among which ties are seen, at the least; twice as many at the most."""

_VERSION = 1
"""Of the files: others are left alone."""
_SLOTS = 2 * WINDOW
_SEQ_BITS = np.uint64(16)
_SEQ_MASK = np.uint64((1 << 16) - 1)
_ONE = np.uint64(1)
_ENTRY = 3
"""Words of an entry: key, id with its number, offset."""
_GENERATION = _ENTRY * _SLOTS


class TieMemory:
    """The memories of all partitions that this process reads.

    Args:
        folder: where they are kept; None: nowhere, and a new process begins anew.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._tables: dict[tuple[str, int], Words] = {}

    def number(self, topic: str, partition: int, keys: Words, ids: Words, offsets: Int64s) -> Int64s:
        """Of each point, in the order of its partition: how many different events of its key were before it. Shapes (n,)."""
        table = self._tables.get((topic, partition))
        if table is None:
            table = self._tables[topic, partition] = self._open(topic, partition)
        numbers: Int64s = np.empty(len(keys), np.int64)
        _number(table, keys, ids, offsets, numbers)
        return numbers

    def close(self) -> None:
        """Let go of the files."""
        self._tables.clear()

    def _open(self, topic: str, partition: int) -> Words:
        """Shape (2 generations + 2,): their entries, which is the younger, and how many it holds."""
        length = 2 * _GENERATION + 2
        if self._folder is None:
            return np.zeros(length, np.uint64)
        path = self._folder / f"ties-{_VERSION}-{quote(topic, safe='')}-{partition}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(bytes(max(0, 8 * length - file.tell())))  # zeros are an empty memory; a hole could not be filled on a full disk
        except OSError as error:
            raise StoreError(f"expected room for {path}, found {error.strerror}", hint="make room, or let the folder be written") from None
        return np.asarray(np.memmap(path, np.uint64, "r+", shape=(length,)))


@leaf
def _find(table: Any, base: int, key: Any, identity: Any, offset: int, most: Any) -> Any:
    """In one generation: the number of an event that it knows (else -1), the largest number of its key before it (at least ``most``), and
    where an entry is free.
    """
    slot = np.int64(key & np.uint64(_SLOTS - 1))
    while True:
        at = base + _ENTRY * slot
        found = table[at]
        if found == np.uint64(0):
            return -1, most, at
        if found == key:
            word = table[at + 1]
            seq = np.int64(word & _SEQ_MASK)
            if word >> _SEQ_BITS == identity:
                return seq, most, at
            if np.int64(table[at + 2]) < offset:
                most = max(most, seq)
        slot = (slot + 1) & (_SLOTS - 1)


@kernel
def _number(table: Words, keys: Words, ids: Words, offsets: Int64s, numbers: Int64s) -> None:
    young_at, count_at = 2 * _GENERATION, 2 * _GENERATION + 1
    for row in range(len(keys)):
        key = keys[row] | _ONE  # 0 is a free entry
        identity = ids[row] >> _SEQ_BITS
        young: Any = np.int64(table[young_at])
        old = _GENERATION * (1 - young)
        before, most, _ = _find(table, old, key, identity, offsets[row], -1)
        known, most, free = _find(table, _GENERATION * young, key, identity, offsets[row], most)
        if known >= 0 or before >= 0:
            numbers[row] = max(known, before)
            continue
        numbers[row] = min(most + 1, np.int64(_SEQ_MASK))
        # The key comes last: a process that dies here leaves a free entry.
        table[free + 2] = np.uint64(offsets[row])
        table[free + 1] = identity << _SEQ_BITS | np.uint64(numbers[row])
        table[free] = key
        table[count_at] += _ONE
        if table[count_at] >= np.uint64(WINDOW):
            for at in range(old, old + _GENERATION):
                table[at] = np.uint64(0)
            table[young_at] = np.uint64(1 - young)
            table[count_at] = np.uint64(0)


def compile_kernels() -> None:
    """Compile what numbering calls."""
    nothing = np.empty(0, np.uint64)
    TieMemory(None).number("", 0, nothing, nothing, nothing.astype(np.int64))
