"""The files of a topic of the embedded bus: segments with its records, and a head that says how far they count.

::

    topic-N.head           int64 synced, padding | slot | slot                           slots in turn, 512 bytes aligned
    slot                   uint32 CRC, uint32 0, int64 sequence, row, appended, removed, segment, position, first segment, first
                           position, begins (partitions), ends (partitions)
    topic-N.00000001.log   segment header | frame | frame ...
    segment header         uint32 magic, uint32 CRC, int64 end of the segment before, row, appended, ends (partitions): as they were when
                           it was begun
    frame                  uint32 CRC, uint32 size of the block, int64 row, int32 partition, int32 records, int64 first offset,
                           time in ms, block

A writer, alone by the write lock, appends frames and then writes the slot that was not written last: that is the commit. What is behind
the head's end was never committed and is written over. A reader reads the head, and of the segments what lies before its end. Whoever dies
between two system calls leaves the last commit whole, for the system keeps what it was given. Only a power failure may leave a head
whose frames never reached the disk: after each start of the system they are checked by their sums (``schemas/embedded_recovery.py``).

All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from schemas.errors import BusError

SEGMENT_BYTES = 32 * 1024 * 1024
"""A segment that has so many bytes is followed by another; whole segments are deleted."""

FRAME = struct.Struct("<IIqiiqq")
_MAGIC = 0x47534D54
"""TMSG"""
_SYNCED = struct.Struct("<q")
_FIXED = 7
_ALIGN = 512
_TRIES = 1000


@dataclass(slots=True)
class Head:
    """How far a topic is written, and from where it is kept."""

    row: int
    """The last row number given; a row is a frame."""
    begins: list[int]
    """By partition: the first offset that is kept; of a compacted topic, that is kept in segments (``schemas/embedded_base.py``)."""
    ends: list[int]
    """By partition: the next offset."""
    appended: int = 0
    """Bytes of all blocks ever appended."""
    removed: int = 0
    """Of those, bytes that retention took."""
    segment: int = 1
    position: int = 0
    """Where in the segment the next frame goes."""
    first_segment: int = 1
    first_position: int = 0
    """Where the first frame that is kept stands."""
    sequence: int = 0
    """Grows with each commit."""

    @property
    def bytes(self) -> int:
        """Of all blocks that are kept."""
        return self.appended - self.removed


class Frame(NamedTuple):
    """The header of a block, and where the block is in the buffer that was parsed."""

    row: int
    partition: int
    records: int
    first_offset: int
    time_ms: int
    start: int
    end: int


class SegmentStart(NamedTuple):
    """The header of a segment."""

    previous_end: int
    row: int
    appended: int
    ends: list[int]


class TopicFiles:
    """The paths and formats of one topic. Holds the head open once it was read.

    Args:
        folder: the bus's.
        topic: its number.
        partitions: of the topic.
    """

    def __init__(self, folder: Path, topic: int, partitions: int) -> None:
        self.head_path = folder / f"topic-{topic}.head"
        self._folder = folder
        self._prefix = f"topic-{topic}."
        self._partitions = partitions
        self._slot = struct.Struct(f"<q{_FIXED}q{2 * partitions}q")
        self._sum = struct.Struct("<II")
        self._stride = -(-(self._sum.size + self._slot.size) // _ALIGN) * _ALIGN
        self._start = struct.Struct(f"<3q{partitions}q")
        self.start_bytes = self._sum.size + self._start.size
        """Where the first frame of a segment stands."""
        self._head = -1
        self._raw = b""
        self._last: Head | None = None

    def segment_path(self, segment: int) -> Path:
        return self._folder / f"{self._prefix}{segment:08d}.log"

    def base_path(self, segment: int) -> Path:
        """Of what compaction left of all before a segment."""
        return self._folder / f"{self._prefix}{segment:08d}.base"

    def base_bytes(self, segment: int) -> int:
        try:
            return self.base_path(segment).stat().st_size
        except FileNotFoundError:
            return 0

    def create(self) -> None:
        """Make a head and a first segment; leftovers of a creation that was never committed are written over."""
        zeros = [0] * self._partitions
        self.begin_segment(1, SegmentStart(0, 0, 0, zeros))
        self.create_head()
        self.write_head(Head(0, zeros, zeros, position=self.start_bytes, first_position=self.start_bytes), durable=False)

    def create_head(self) -> None:
        """A head without a slot."""
        self.close()
        self.head_path.write_bytes(bytes(_ALIGN + 2 * self._stride))

    def segments(self) -> list[int]:
        """Numbers of those that there are, in order."""
        head = self.head_path
        found = head.parent.glob(f"{head.stem}.*.log")
        return sorted(int(path.suffixes[0][1:]) for path in found)

    def changed(self, since: Head) -> bool:
        """Whether anything was committed after this head. Costs one system call."""
        return self._read() != self._raw or self._last is None or self._last.sequence != since.sequence

    def head(self) -> Head:
        """What is committed.

        Raises:
            OSError: it cannot be read.
            BusError: neither slot is whole.
        """
        for _ in range(_TRIES):
            raw = self._read()
            if raw == self._raw and self._last is not None:
                return _copy(self._last)
            found = max(self._slots(raw), default=None)
            if found is not None:
                sequence, row, appended, removed, *rest = found
                segment, position, first_segment, first_position, *offsets = rest
                begins, ends = offsets[: self._partitions], offsets[self._partitions :]
                self._last = Head(row, begins, ends, appended, removed, segment, position, first_segment, first_position, sequence)
                self._raw = raw
                return _copy(self._last)
            time.sleep(0)  # both were being written while we read
        raise BusError(f"{self.head_path} is damaged", hint="name another folder and ingest again, or restore it from a copy")

    def _read(self) -> bytes:
        if self._head < 0:
            self._head = os.open(self.head_path, os.O_RDWR | os.O_CLOEXEC)
        return os.pread(self._head, 2 * self._stride, _ALIGN)

    def _slots(self, raw: bytes) -> Iterator[tuple[int, ...]]:
        """Those that are whole."""
        for at in range(0, len(raw), self._stride):
            found, _ = self._sum.unpack_from(raw, at)
            body = raw[at + self._sum.size : at + self._sum.size + self._slot.size]
            if len(body) == self._slot.size and crc32(body) == found:
                slot = self._slot.unpack(body)
                if slot[0] > 0:
                    yield slot

    def write_head(self, head: Head, *, durable: bool) -> None:
        """Commit a head that was read under the write lock, which is still held, and changed since; or a new topic's."""
        if self._head < 0:
            self._head = os.open(self.head_path, os.O_RDWR | os.O_CLOEXEC)
        sequence = head.sequence + 1
        numbers = (head.row, head.appended, head.removed, head.segment, head.position, head.first_segment, head.first_position)
        body = self._slot.pack(sequence, *numbers, *head.begins, *head.ends)
        write_all(self._head, [self._sum.pack(crc32(body), 0) + body], _ALIGN + sequence % 2 * self._stride)
        if durable:
            self.sync_head()

    def sync_head(self) -> None:
        """Bring what was committed to the disk."""
        os.fdatasync(self._head)

    def synced(self) -> int:
        """The last segment that is on the disk for sure, with all before it."""
        with self.head_path.open("rb") as file:
            return int(_SYNCED.unpack(file.read(_SYNCED.size))[0])

    def set_synced(self, segment: int) -> None:
        if self._head < 0:
            self._read()
        write_all(self._head, [_SYNCED.pack(segment)], 0)

    def begin_segment(self, segment: int, start: SegmentStart) -> None:
        """Make an empty segment; what a writer that died left under its name is dropped."""
        path = self.segment_path(segment)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            body = self._start.pack(start.previous_end, start.row, start.appended, *start.ends)
            write_all(descriptor, [self._sum.pack(_MAGIC, crc32(body)) + body], 0)
        finally:
            os.close(descriptor)

    def segment_start(self, segment: int) -> SegmentStart:
        """Raises FileNotFoundError if the segment was deleted, BusError if it is none."""
        with self.segment_path(segment).open("rb") as file:
            raw = file.read(self.start_bytes)
        body = raw[self._sum.size :]
        if len(raw) == self.start_bytes and self._sum.unpack_from(raw) == (_MAGIC, crc32(body)):
            previous_end, row, appended, *ends = self._start.unpack(body)
            return SegmentStart(previous_end, row, appended, ends)
        raise BusError(f"{self.segment_path(segment)} is damaged", hint="name another folder and ingest again, or restore it from a copy")

    def end_of(self, segment: int, head: Head) -> int:
        """Where the frames of a segment end; it is the head's or one before it. Raises FileNotFoundError."""
        return head.position if segment == head.segment else self.segment_start(segment + 1).previous_end

    def close(self) -> None:
        if self._head >= 0:
            os.close(self._head)
            self._head = -1


def frame_header(part: tuple[int, int, int, int, int], block: bytes | memoryview) -> bytes:
    """Of a block. ``part``: row, partition, count, first offset, time in ms."""
    unsummed = FRAME.pack(0, len(block), *part)
    return FRAME.pack(crc32(block, crc32(unsummed[4:])), len(block), *part)


def frames(data: bytes | memoryview, start: int = 0) -> Iterator[Frame]:
    """The whole frames of a buffer that begins with one; their sums are not looked at."""
    at, size = start, len(data)
    header = FRAME.size
    unpack = FRAME.unpack_from
    while at + header <= size:
        _, block, row, partition, count, first_offset, time_ms = unpack(data, at)
        end = at + header + block
        if end > size:
            return
        yield Frame(row, partition, count, first_offset, time_ms, at + header, end)
        at = end


def is_whole(data: bytes, frame: Frame) -> bool:
    """Whether the frame is as it was written."""
    at = frame.start - FRAME.size
    return bool(crc32(memoryview(data)[at + 4 : frame.end]) == FRAME.unpack_from(data, at)[0])


def write_all(descriptor: int, buffers: list[bytes | memoryview], position: int) -> int:
    """Write buffers one after another at a position, whatever the system takes at once; how many bytes.

    Raises:
        OSError: it cannot; some may be written.
    """
    size = sum(map(len, buffers))
    written = 0
    for at in range(0, len(buffers), _BUFFERS):
        some = buffers[at : at + _BUFFERS]
        wanted = sum(map(len, some))
        done = os.pwritev(descriptor, some, position + written)
        while done < wanted:
            # A disk that fills up takes a part and refuses the rest of it with an error.
            done += os.pwrite(descriptor, b"".join(some)[done:], position + written + done)
        written += wanted
    assert written == size
    return size


_BUFFERS = 512


def sync_folder(folder: Path) -> None:
    """Bring the names of its files to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(head: Head) -> Head:
    return Head(
        head.row,
        list(head.begins),
        list(head.ends),
        head.appended,
        head.removed,
        head.segment,
        head.position,
        head.first_segment,
        head.first_position,
        head.sequence,
    )
