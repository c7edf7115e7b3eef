"""What compaction leaves of a compacted topic of the embedded bus: a file with the latest record of each key, before its segments.

::

    topic-N.00000007.base    frame | frame ...             what stands before segment 7; in frames of one partition each, by offset
    block of a frame         block (``schemas/embedded_block.py``) | int64 offsets (n) | int64 times in ms (n)

A base is written whole before the head says that the segments begin with its number, and never changed. All numbers are little-endian.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.bus import Int32s, Int64s
from schemas.embedded_block import Block, decode, encode
from schemas.embedded_segments import FRAME, frame_header, frames

_INT64 = np.dtype("<i8")


class SparseBlock(NamedTuple):
    """Records of one partition whose offsets grow, with gaps."""

    partition: int
    offsets: Int64s
    times_ms: Int64s
    value_sizes: Int32s
    key_sizes: Int32s
    values: memoryview
    keys: memoryview

    def picked(self, start: int, stop: int) -> SparseBlock:
        """Some of the records."""
        value_ends, key_ends = ends_of(self.value_sizes), ends_of(self.key_sizes)
        return SparseBlock(
            self.partition,
            self.offsets[start:stop],
            self.times_ms[start:stop],
            self.value_sizes[start:stop],
            self.key_sizes[start:stop],
            self.values[value_ends[start] : value_ends[stop]],
            self.keys[key_ends[start] : key_ends[stop]],
        )


def ends_of(sizes: Int32s) -> list[int]:
    """Where each text begins, and where the last one ends; n + 1 of them."""
    ends: list[int] = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).tolist()
    return ends


def sparse(block: Block) -> SparseBlock:
    """A block of a segment in the form of a base's."""
    count = len(block.value_sizes)
    offsets = np.arange(block.first_offset, block.first_offset + count, dtype=np.int64)
    times_ms = np.full(count, block.timestamp_ms, np.int64)
    return SparseBlock(block.partition, offsets, times_ms, block.value_sizes, block.key_sizes, block.values, block.keys)


def read_base(data: bytes | memoryview, start: int = 0) -> Iterator[tuple[SparseBlock, int]]:
    """The blocks of a base, or of a part of one that begins with a frame, each with where it ends."""
    for frame in frames(data, start):
        count = frame.records
        offsets, times = (np.frombuffer(data, _INT64, count, frame.end - 8 * count * turn) for turn in (2, 1))
        block = decode(frame.partition, 0, count, 0, memoryview(data)[frame.start : frame.end - 16 * count])
        yield SparseBlock(frame.partition, offsets, times, block.value_sizes, block.key_sizes, block.values, block.keys), frame.end


class BaseWriter:
    """Writes a base; ``close`` brings it to the disk.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._row = 0

    def write(
        self, partition: int, offsets: Sequence[int], times_ms: Sequence[int], keys: Sequence[bytes], values: Sequence[bytes]
    ) -> None:
        """A frame; of a partition those with lower offsets first."""
        self._row += 1
        tail = np.array([offsets, times_ms], _INT64).tobytes()
        block = encode(keys, values) + tail
        self._file.write(frame_header((self._row, partition, len(keys), offsets[0], max(times_ms)), block))
        self._file.write(block)

    def close(self, *, whole: bool) -> None:
        """``whole`` False: it will not be used."""
        try:
            if whole:
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._file.close()


def base_frame_bytes(data: bytes) -> int:
    """Of the frame that a buffer of at least ``FRAME.size`` bytes begins with."""
    size: int = FRAME.unpack_from(data)[1]
    return FRAME.size + size
