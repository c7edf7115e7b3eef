"""Counters of all processes of a run, in one small file that they share: for the line of progress and for tests.

A row a process, a column a counter, int64, mapped into memory. A row has one writer, an aligned store of 8 bytes is whole
to every reader, so there is no lock; a reader may see a row between two of its stores, which for a display is good enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

_MAGIC = 0x544D5F434E5452


class Counter(IntEnum):
    """A column."""

    EVENTS_IN = 0
    EVENTS_OUT = 1
    BATCHES = 2
    LATE = 3
    DEAD_LETTERS = 4
    EPOCHS = 5
    SNAPSHOT_BYTES = 6
    """Of the last epoch."""
    EPOCH_STALL_NS = 7
    """Of the last epoch."""
    LAG = 8
    """Records that stand on the bus and have not been read yet."""
    WATERMARK_NS = 9
    """The least of the partitions; 0: none yet."""
    BUSY_NS = 10
    """Spent on batches, of this process's wall clock."""
    UPDATED_NS = 11
    """Wall clock of the last batch."""


@dataclass(frozen=True, slots=True)
class Totals:
    """All processes together."""

    events_in: int
    events_out: int
    late: int
    dead_letters: int
    lag: int
    watermark_ns: int
    """The least of the processes that have one; 0: none yet."""
    snapshot_bytes: int
    epochs: int


class Counters:
    """The table. ``create`` makes its file, ``open`` maps it in another process.

    Attributes:
        path: the file.
        rows: shape (processes, len(Counter)), int64, in shared memory.
    """

    def __init__(self, path: Path, rows: Int64s) -> None:
        self.path = path
        self.rows = rows

    @classmethod
    def create(cls, path: Path, processes: int) -> Counters:
        """A file of zeros."""
        table = np.zeros((processes + 1, len(Counter)), np.int64)
        table[0, :3] = _MAGIC, processes, len(Counter)
        path.write_bytes(table.tobytes())
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Counters:
        """Raises ValueError: the file is none of this version's."""
        table = np.memmap(path, np.int64, "r+")
        width = len(Counter)
        if len(table) < width or table[0] != _MAGIC or table[2] != width or len(table) != (int(table[1]) + 1) * width:
            raise ValueError(f"expected a file of counters of this version at {path}, found another")
        return cls(path, table.reshape(-1, width)[1:])

    def row(self, process: int) -> Int64s:
        """The row of one process, which alone writes it."""
        row: Int64s = self.rows[process]
        return row

    def totals(self) -> Totals:
        """Sums over the processes."""
        rows = np.array(self.rows)
        total = rows.sum(axis=0)
        watermarks = rows[:, Counter.WATERMARK_NS]
        seen = watermarks[watermarks > 0]
        return Totals(
            events_in=int(total[Counter.EVENTS_IN]),
            events_out=int(total[Counter.EVENTS_OUT]),
            late=int(total[Counter.LATE]),
            dead_letters=int(total[Counter.DEAD_LETTERS]),
            lag=int(total[Counter.LAG]),
            watermark_ns=int(seen.min()) if len(seen) else 0,
            snapshot_bytes=int(total[Counter.SNAPSHOT_BYTES]),
            epochs=int(rows[:, Counter.EPOCHS].max(initial=0)),
        )
