"""After a start of the system: cuts a topic of the embedded bus back to the last frame that reached the disk whole."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from schemas.embedded_segments import Head, SegmentStart, TopicFiles, frames, is_whole
from schemas.errors import BusError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Another text after each start of the system; empty where none is known."""
    return _BOOT_ID.read_text().strip() if sys.platform == "linux" and _BOOT_ID.exists() else ""


def recover(files: TopicFiles) -> bool:
    """Check what is not on the disk for sure, and take back what is not whole; whether anything was. The caller holds the write lock.

    Raises:
        BusError: too much is missing to go on.
    """
    segments = files.segments()
    if not segments:
        files.create()
        return True
    head = _head(files, segments)
    found = _whole(files, head)
    if found == head:
        return False
    files.write_head(found, durable=True)
    for segment in segments:
        if segment > found.segment:
            files.segment_path(segment).unlink()
    return True


def _head(files: TopicFiles, segments: list[int]) -> Head:
    """The one that is committed; without one, one of all that there is."""
    try:
        return files.head()
    except (OSError, BusError):
        start = files.segment_start(segments[0])
        files.create_head()
        return Head(
            start.row,
            start.ends,
            start.ends,
            start.appended,
            start.appended,
            segments[-1],
            sys.maxsize,
            first_segment=segments[0],
            first_position=files.start_bytes,
        )


def _whole(files: TopicFiles, head: Head) -> Head:
    """The head after the last whole frame, at most where it was."""
    segment = max(head.first_segment, min(files.synced() + 1, head.segment))
    while (start := _start(files, segment)) is None:
        segment -= 1
        if segment < head.first_segment:
            raise BusError(f"{files.head_path} has no whole segment", hint="name another folder and ingest again")
    found = replace(head, row=start.row, ends=start.ends, appended=start.appended, segment=segment, position=files.start_bytes)
    while _scan(files, found, head) and found.segment < head.segment:
        start = _start(files, found.segment + 1)
        if start is None or start.row != found.row:
            break
        found.segment, found.position = found.segment + 1, files.start_bytes
    found.begins = [min(begin, end) for begin, end in zip(head.begins, found.ends, strict=True)]
    if (found.first_segment, found.first_position) > (found.segment, found.position):
        found.first_segment, found.first_position, found.removed = found.segment, found.position, found.appended
    return found


def _start(files: TopicFiles, segment: int) -> SegmentStart | None:
    try:
        return files.segment_start(segment)
    except (FileNotFoundError, BusError):
        return None


def _scan(files: TopicFiles, found: Head, head: Head) -> bool:
    """Go on to the last whole frame of a segment; whether all of it is whole."""
    data = files.segment_path(found.segment).read_bytes()
    try:
        end = files.end_of(found.segment, head)
    except (FileNotFoundError, BusError):
        end = len(data)
    for frame in frames(data, files.start_bytes):
        expected = (found.row + 1, found.ends[frame.partition]) if 0 <= frame.partition < len(found.ends) else None
        if frame.end > end or (frame.row, frame.first_offset) != expected or not is_whole(data, frame):
            break
        found.row, found.position = frame.row, frame.end
        found.ends[frame.partition] += frame.records
        found.appended += frame.end - frame.start
    return found.position == end
