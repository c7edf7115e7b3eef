"""Reads an ordinary topic of the embedded bus from its segments."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping

from schemas.bus import Batch
from schemas.embedded_block import Block, decode
from schemas.embedded_log import LogFile, Topic
from schemas.embedded_segments import FRAME, Head
from schemas.errors import PositionLost
from sources.embedded_columns import batch_of_blocks

FETCH_BYTES = 32 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_LOOK_S = 1.0


class SegmentCursor:
    """A place in the segments, all partitions at once, in the order in which they were written.

    Args:
        file: of which the topic is; closed by who made it.
        topic: an ordinary one.
        position: the next offset by partition, of those that are read; it is moved on by ``next``.
        with_keys: fill ``Batch.keys``.
    """

    def __init__(self, file: LogFile, topic: Topic, position: dict[int, int], *, with_keys: bool) -> None:
        self._file = file
        self._files = file.files(topic)
        self._topic = topic
        self._position = position
        self._with_keys = with_keys
        self._blocks: deque[Block] = deque()
        self._target: Head | None = None
        self._place = (0, 0)
        """Segment and position of the next frame to fetch."""
        self._open = (0, -1)
        """A segment and its descriptor."""

    def restart(self) -> None:
        """The position was changed from outside."""
        self._blocks.clear()
        self._target = None

    def next(self, max_records: int) -> Batch | None:
        """See ``schemas.bus.Reader.poll``, without a wait.

        Raises:
            OSError: a file cannot be read.
            PositionLost: an offset to read is not kept.
        """
        if not self._blocks:
            target = self._target
            if target is not None and self._place == (target.segment, target.position) and not self._files.changed(target):
                self._file.look(_LOOK_S)
                return None
            self._refresh()
            self._fetch(max_records)
        batch = self._take(max_records)
        target = self._target
        if not self._blocks and target is not None and self._place == (target.segment, target.position):
            self._reach_head(target, at_once=batch is None)
        return batch

    def _refresh(self) -> None:
        head = self._files.head()
        if self._target is None:
            self._place = self._located(head)
        self._target = head
        # What retention took is not read, though some of it may still be there.
        self._place = max(self._place, (head.first_segment, head.first_position))

    def _located(self, head: Head) -> tuple[int, int]:
        """A place before all that is to be read."""
        place = (head.segment, head.position)
        for partition, offset in self._position.items():
            if not head.begins[partition] <= offset <= head.ends[partition]:
                raise self._lost(partition, offset, head)
            if offset < head.ends[partition]:
                segment = self._segment_of(partition, offset, head)
                place = min(place, (segment, self._files.start_bytes))
        return place

    def _segment_of(self, partition: int, offset: int, head: Head) -> int:
        """The last segment that was begun before this offset was written."""
        low, high = head.first_segment, head.segment
        while low < high:
            middle = (low + high + 1) // 2
            try:
                is_before = self._files.segment_start(middle).ends[partition] <= offset
            except FileNotFoundError:  # retention takes the first ones meanwhile
                is_before = True
            low, high = (middle, high) if is_before else (low, middle - 1)
        return low

    def _fetch(self, max_records: int) -> None:
        """Bring blocks from the place on until there are ``max_records``, 32 MiB, or no more."""
        head = self._target
        assert head is not None
        records = size = 0
        while records < max_records and size < FETCH_BYTES:
            segment, position = self._place
            if self._place == (head.segment, head.position):
                return
            try:
                end = self._files.end_of(segment, head)
                descriptor = self._descriptor(segment)
            except FileNotFoundError:
                newer = self._files.head()
                if newer.first_segment <= segment:
                    raise
                self._refresh()
                return
            if position >= end:
                self._place = (segment + 1, self._files.start_bytes)
                continue
            found, taken = self._read(descriptor, position, end, max_records - records)
            records += found
            size += taken

    def _read(self, descriptor: int, position: int, end: int, max_records: int) -> tuple[int, int]:
        """Queue the blocks of one piece of a segment; how many records and bytes."""
        data = os.pread(descriptor, min(end - position, _PIECE_BYTES), position)
        block = FRAME.unpack_from(data)[1]
        if FRAME.size + block > len(data):
            data = os.pread(descriptor, FRAME.size + block, position)
        view = memoryview(data)
        wanted = self._position
        records = last = 0
        # As ``frames`` does, but without an object for each: under a feed of small commits most of them are other readers'.
        unpack, header, size = FRAME.unpack_from, FRAME.size, len(data)
        while records < max_records and last < FETCH_BYTES and last + header <= size:
            _, length, _, partition, count, first_offset, time_ms = unpack(data, last)
            at = last + header
            if at + length > size:
                break
            last = at + length
            next_offset = wanted.get(partition)
            if next_offset is None or first_offset + count <= next_offset:
                continue
            found = decode(partition, first_offset, count, time_ms, view[at:last])
            if first_offset < next_offset:
                found = found.split(next_offset - first_offset)[1]
            self._blocks.append(found)
            records += len(found.value_sizes)
        self._place = (self._place[0], position + last)
        return records, last

    def _descriptor(self, segment: int) -> int:
        if self._open[0] != segment:
            self.close()
            self._open = (segment, os.open(self._files.segment_path(segment), os.O_RDONLY | os.O_CLOEXEC))
        return self._open[1]

    def _take(self, max_records: int) -> Batch | None:
        taken: list[Block] = []
        room = max_records
        while self._blocks and room > 0:
            block = self._blocks[0]
            if block.first_offset != self._position[block.partition]:
                if taken:
                    break
                raise self._lost(block.partition, self._position[block.partition], self._files.head())
            self._blocks.popleft()
            if len(block.value_sizes) > room:
                block, rest = block.split(room)
                self._blocks.appendleft(rest)
            count = len(block.value_sizes)
            self._position[block.partition] += count
            room -= count
            taken.append(block)
        return batch_of_blocks(self._topic.name, taken, self._with_keys) if taken else None

    def _reach_head(self, head: Head, *, at_once: bool) -> None:
        """All up to the head is read: what is missing, retention took."""
        for partition, offset in self._position.items():
            if offset < head.ends[partition]:
                if at_once:
                    raise self._lost(partition, offset, head)
                self._target = None

    def _lost(self, partition: int, offset: int, head: Head) -> PositionLost:
        """The error; the reader stays where it is, so that the next ``poll`` says the same until there is a ``seek``."""
        self.restart()
        return lost(self._file, self._topic, partition, offset, head)

    def close(self) -> None:
        if self._open[1] >= 0:
            os.close(self._open[1])
        self._open = (0, -1)


def lost(file: LogFile, topic: Topic, partition: int, offset: int, head: Head) -> PositionLost:
    """The error for an offset that is not kept."""
    return PositionLost(
        f"topic {topic.name} of {file.path} keeps offsets {head.begins[partition]} to {head.ends[partition]} "
        f"of partition {partition}; {offset} was to be read",
        hint="retention removed it (raise retention_bytes, or read sooner), or the file is another one: start from the beginning",
    )


def end_offsets(head: Head, partitions: Mapping[int, int]) -> dict[int, int]:
    """The next offset of each of these partitions."""
    return {partition: head.ends[partition] for partition in partitions}
