"""Compaction of a topic of the embedded bus: of all that its whole segments hold, the latest record of each key goes into a base.

Writers are held only while the head is written, twice; whoever reads the old files goes on with them.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from schemas.embedded_base import BaseWriter, SparseBlock, ends_of, read_base, sparse
from schemas.embedded_block import decode, texts
from schemas.embedded_log import LogFile, Topic
from schemas.embedded_segments import Head, SegmentStart, TopicFiles, frames

DAY_MS = 24 * 3600 * 1000
LEAST_BYTES = 8 * 1024 * 1024
TIMES = 4
"""Segments grow to so many times the base: the rest of what is written costs a fraction of being written again, and as much to read."""
_FRAME_RECORDS = 4096
_FRAME_BYTES = 1024 * 1024


def is_due(files: TopicFiles, head: Head) -> bool:
    """Whether compaction is worth its price."""
    return head.bytes >= LEAST_BYTES and head.bytes >= TIMES * files.base_bytes(head.first_segment)


def compact(file: LogFile, topic: Topic, now_ms: int) -> None:
    """Replace all segments by a base and a new one. Tombstones of more than a day go: a reader that is a day behind may miss them.

    The caller holds the upkeep lock.

    Raises:
        OSError: a file cannot be written; the topic is as it was.
    """
    files = file.files(topic)
    head = _whole_segments(file, files)
    if head.segment == head.first_segment:
        return
    path = files.base_path(head.segment)
    try:
        _write_base(files, head, now_ms - DAY_MS)
        _sync_segment(files, head.segment)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    start = files.segment_start(head.segment)
    with file.write_lock.held(file.patience_s, file.path):
        newest = files.head()
        newest.begins, newest.removed = start.ends, start.appended
        newest.first_segment, newest.first_position = head.segment, files.start_bytes
        files.write_head(newest, durable=False)
    # After a power failure there must be no head that counts on what is deleted now.
    files.sync_head()
    for segment in files.segments():
        if segment < head.segment:
            files.segment_path(segment).unlink(missing_ok=True)
    for old in path.parent.glob(f"{path.name.partition('.')[0]}.*.base"):
        if old != path:
            old.unlink(missing_ok=True)


def _whole_segments(file: LogFile, files: TopicFiles) -> Head:
    """A head whose last segment is empty or nearly so: what is before it, nobody writes to any more."""
    with file.write_lock.held(file.patience_s, file.path):
        head = files.head()
        if head.position > files.start_bytes:
            files.begin_segment(head.segment + 1, SegmentStart(head.position, head.row, head.appended, head.ends))
            head.segment, head.position = head.segment + 1, files.start_bytes
            files.write_head(head, durable=False)
        return head


def _write_base(files: TopicFiles, head: Head, tombstones_before_ms: int) -> None:
    kept = _latest(_blocks(files, head))
    base = BaseWriter(files.base_path(head.segment))
    pending: dict[int, tuple[list[int], list[int], list[bytes], list[bytes]]] = {}
    whole, row = False, 0
    try:
        for block in _blocks(files, head):
            mask = kept[row : row + len(block.offsets)]
            row += len(block.offsets)
            places = np.flatnonzero(mask & ((block.value_sizes > 0) | (block.times_ms >= tombstones_before_ms))).tolist()
            if not places:
                continue
            parts = pending.setdefault(block.partition, ([], [], [], []))
            _pick(block, places, parts)
            if len(parts[0]) >= _FRAME_RECORDS or sum(map(len, parts[3])) >= _FRAME_BYTES:
                base.write(block.partition, *pending.pop(block.partition))
        for partition, parts in pending.items():
            base.write(partition, *parts)
        whole = True
    finally:
        base.close(whole=whole)


def _pick(block: SparseBlock, places: list[int], parts: tuple[list[int], list[int], list[bytes], list[bytes]]) -> None:
    keys, values = bytes(block.keys), bytes(block.values)
    key_ends, value_ends = ends_of(block.key_sizes), ends_of(block.value_sizes)
    parts[0].extend(block.offsets[places].tolist())
    parts[1].extend(block.times_ms[places].tolist())
    parts[2].extend([keys[key_ends[at] : key_ends[at + 1]] for at in places])
    parts[3].extend([values[value_ends[at] : value_ends[at + 1]] for at in places])


def _latest(blocks: Iterable[SparseBlock]) -> npt.NDArray[np.bool_]:
    """Of each record of the blocks, whether it is the last of its key in its partition."""
    latest: dict[int, dict[bytes, int]] = {}
    row = 0
    for block in blocks:
        count = len(block.offsets)
        latest.setdefault(block.partition, {}).update(zip(texts(block.keys, block.key_sizes), range(row, row + count), strict=True))
        row += count
    kept = np.zeros(row, np.bool_)
    for rows in latest.values():
        kept[np.fromiter(rows.values(), np.int64, len(rows))] = True
    return kept


def _blocks(files: TopicFiles, head: Head) -> Iterator[SparseBlock]:
    """What the base and the whole segments hold, in the order in which it was written."""
    for block in _base_blocks(files, head):
        yield block
        time.sleep(0)  # who waits for the interpreter gets it: between two blocks it would wait for longer
    position = head.first_position
    for segment in range(head.first_segment, head.segment):
        with files.segment_path(segment).open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[: files.end_of(segment, head)]
        for frame in frames(data, position):
            yield sparse(decode(frame.partition, frame.first_offset, frame.records, frame.time_ms, data[frame.start : frame.end]))
            time.sleep(0)
        position = files.start_bytes


def _base_blocks(files: TopicFiles, head: Head) -> Iterator[SparseBlock]:
    if files.base_bytes(head.first_segment):
        with files.base_path(head.first_segment).open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        for block, _ in read_base(data):
            yield block


def _sync_segment(files: TopicFiles, segment: int) -> None:
    """The topic begins with it from now on."""
    with files.segment_path(segment).open("rb") as file:
        os.fsync(file.fileno())
