"""A batch of events as lines of InfluxDB's protocol: what ``sinks/influx/points.py`` says, as bytes, by a compiled loop.

Our own events are laid out one way, and their numbers stand in the text as InfluxDB wants them. So an event is matched against the
layout of its topic, piece by piece, and its names and numbers are copied; no number is read. What does not match (another program's
event, a text with an escape in it, a tag with a space) is declined to the careful way.

Beside its line each point gets two words: of its series and time, and of its event's id (``sinks/influx/ties.py`` compares them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.bus import Batch, Bytes1D, Int64s
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.json_bytes import READ_AHEAD
from sinks.influx.layout import layout
from sinks.influx.points import read_point
from sinks.influx.scan import Words, hash_all, lay_lines


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Points of a batch, a line each, in no particular order."""

    data: Bytes1D
    """Lines, each with its line feed."""
    ends: Int64s
    """Shape (n,): where each line ends."""
    rows: Int64s
    """Shape (n,): the record of the batch that each is."""
    heads: Int64s
    """Shape (n,): where series and tags of each end, counted from the start of ``data``."""
    keys: Words
    """Shape (n,): of series and time."""
    ids: Words
    """Shape (n,): of the event's id."""

    def __len__(self) -> int:
        return len(self.ends)


def write_lines(batch: Batch) -> tuple[Lines, list[Reject]]:
    """The points of a batch, and the records that are none."""
    how, count = layout(batch.topic), len(batch)
    if how is None:
        return _carefully(batch, list(range(count)))
    data: Bytes1D = np.concatenate([batch.data, np.zeros(READ_AHEAD, np.uint8)])
    out: Bytes1D = np.empty(len(batch.data) + count * how.room, np.uint8)
    places, words = np.empty((3, count), np.int64), np.empty((2, count), np.uint64)
    declined: Int64s = np.empty(count, np.int64)
    spans = np.empty((2, len(how.pieces)), np.int64)
    written, refused = lay_lines(
        how.piece_array, how.out_array, how.tags, *how.name, how.texts, data, batch.ends, spans, out, places, words, declined
    )
    end = int(places[0, written - 1]) if written else 0
    lines = Lines(out[:end], places[0, :written], places[1, :written], places[2, :written], words[0, :written], words[1, :written])
    if not refused:
        return lines, []
    others, rejects = _carefully(batch, declined[:refused].tolist())
    return _both(lines, others), rejects


def _carefully(batch: Batch, rows: list[int]) -> tuple[Lines, list[Reject]]:
    """The points of these records, one at a time."""
    written, series, ids, kept, times = [], [], [], [], []
    rejects: list[Reject] = []
    for row in rows:
        value = batch.value(row)
        if not value:
            continue  # a tombstone: a compacted topic forgets a key, what was true then stays
        try:
            point = read_point(batch.topic, value)
        except RejectedRecord as error:
            rejects.append(reject(batch, row, Reason(error.reason), str(error)))
            continue
        written.append(point.line() + b"\n")
        series.append(point.series)
        ids.append(point.event_id)
        kept.append(row)
        times.append(point.time_ns)
    ends: Int64s = np.cumsum([0, *map(len, written)], dtype=np.int64)
    heads = ends[:-1] + np.array([len(one) for one in series], np.int64)
    keys = _hashed(series, np.array(times, np.int64))
    return Lines(_bytes(written), ends[1:], np.array(kept, np.int64), heads, keys, _hashed(ids, np.zeros(len(ids), np.int64))), rejects


def reject(batch: Batch, row: int, reason: Reason, detail: str) -> Reject:
    """A record that InfluxDB cannot take."""
    first_seen_ns = int(batch.timestamp_ms[row]) * 1_000_000
    return Reject(batch.topic, int(batch.partition[row]), int(batch.offset[row]), -1, reason, detail, batch.value(row), first_seen_ns)


def _bytes(texts: list[bytes]) -> Bytes1D:
    return np.frombuffer(b"".join(texts), np.uint8)


def _hashed(texts: list[bytes], salts: Int64s) -> Words:
    ends: Int64s = np.cumsum([0, *map(len, texts)], dtype=np.int64)[1:]
    words: Words = np.empty(len(texts), np.uint64)
    hash_all(_bytes([*texts, bytes(READ_AHEAD)]), ends, salts, words)
    return words


def _both(first: Lines, second: Lines) -> Lines:
    after = len(first.data)
    return Lines(
        np.concatenate([first.data, second.data]),
        np.concatenate([first.ends, second.ends + after]),
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.heads, second.heads + after]),
        np.concatenate([first.keys, second.keys]),
        np.concatenate([first.ids, second.ids]),
    )


def compile_kernels() -> None:
    """Compile what ``write_lines`` calls."""
    nothing = np.empty(0, np.int64)
    batch = Batch("market.marks", np.empty(0, np.uint8), nothing, nothing.astype(np.int32), nothing, nothing)
    write_lines(batch)
    _carefully(batch, [])
