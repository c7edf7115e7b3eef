"""Records with the event time of each, and what of them is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.bus import Batch, Int64s
from schemas.json_errors import JSON_ERRORS
from schemas.times import MAX_TIME_NS, MIN_TIME_NS, parse_time
from schemas.topics import TOPICS

Bools = npt.NDArray[np.bool_]

UNKNOWN = -1
"""Time of a record that says none: a bad one, or a tombstone. It happened when what stands before it had."""


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """Records of one partition in the order of their offsets, keys included."""

    batch: Batch
    times: Int64s
    """Shape (n,): event time, UTC ns; UNKNOWN: the record says none."""

    def __len__(self) -> int:
        return len(self.batch)

    def part(self, start: int, stop: int) -> Timed:
        """The records from ``start`` to before ``stop``; nothing of them is copied."""
        return Timed(sliced(self.batch, start, stop), self.times[start:stop])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a replay takes."""

    from_ns: int = MIN_TIME_NS
    """Earliest event time, UTC ns."""
    to_ns: int = MAX_TIME_NS
    """Event times before this."""
    keys: frozenset[str] = frozenset()
    """Message keys, symbols and accounts; empty: all."""

    def covers(self, times: Int64s) -> Bools:
        """Whether these times are wanted."""
        return (times >= self.from_ns) & (times < self.to_ns)


def sliced(batch: Batch, start: int, stop: int) -> Batch:
    """The records from ``start`` to before ``stop``; nothing of them is copied."""
    if start == 0 and stop == len(batch):
        return batch
    first = int(batch.ends[start - 1]) if start else 0
    last = int(batch.ends[stop - 1]) if stop else 0
    return replace(
        batch,
        data=batch.data[first:last],
        ends=batch.ends[start:stop] - first,
        partition=batch.partition[start:stop],
        offset=batch.offset[start:stop],
        timestamp_ms=batch.timestamp_ms[start:stop],
        keys=batch.keys[start:stop] if batch.keys is not None else None,
    )


def picked(batch: Batch, at: Int64s, values: Sequence[bytes] | None = None) -> Batch:
    """The records at these places; ``values``, one a place, stand for their own where given."""
    chosen = values
    if chosen is None:
        whole = list(batch.values())
        chosen = [whole[index] for index in at.tolist()]
    return replace(
        batch,
        data=np.frombuffer(b"".join(chosen), np.uint8),
        ends=np.cumsum([len(value) for value in chosen], dtype=np.int64),
        partition=batch.partition[at],
        offset=batch.offset[at],
        timestamp_ms=batch.timestamp_ms[at],
        keys=[batch.keys[index] for index in at.tolist()] if batch.keys is not None else None,
    )


def known_times(times: Int64s, before_ns: int) -> Int64s:
    """Times of a partition's records where each unknown one is the latest before it."""
    latest = np.maximum.accumulate(np.concatenate([np.array([before_ns]), times]))[1:]
    return np.where(times == UNKNOWN, latest, times)


class _Payload(msgspec.Struct, gc=False):
    timestamp: str | int | None = None
    symbol: str | None = None
    account: str | None = None


class _Head(msgspec.Struct, gc=False):
    timestamp: str | int | None = None


class _Event(msgspec.Struct, gc=False):
    header: _Head | None = None
    payload: _Payload | None = None
    timestamp: str | int | None = None
    symbol: str | None = None
    account: str | None = None


_event = msgspec.json.Decoder(_Event, strict=False).decode


def take(batch: Batch, wanted: Wanted, before_ns: int) -> tuple[Timed, int]:
    """What of a batch of a topic other than ``market.ticks`` is wanted, and the latest event time so far.

    Args:
        batch: of one partition.
        before_ns: the latest event time before it.
    """
    times, by_key = np.empty(len(batch), np.int64), np.empty(len(batch), np.bool_)
    keys = batch.keys or [None] * len(batch)
    for at, (key, value) in enumerate(zip(keys, batch.values(), strict=True)):
        times[at], names = _read(value)
        by_key[at] = (key or b"").decode("utf-8", "replace") in wanted.keys or not wanted.keys.isdisjoint(names)
    times = known_times(times, before_ns)
    chosen = wanted.covers(times)
    if wanted.keys and not TOPICS[batch.topic].single:  # what every shard reads is for all symbols and accounts
        chosen &= by_key
    latest = max(before_ns, int(times.max(initial=before_ns)))
    if chosen.all():
        return Timed(batch, times), latest
    at_ = np.flatnonzero(chosen)
    return Timed(picked(batch, at_), times[at_]), latest


def _read(value: bytes) -> tuple[int, tuple[str, ...]]:
    """Event time, symbol and account of a record, as far as it has them."""
    try:
        event = _event(value)
    except JSON_ERRORS:
        return UNKNOWN, ()
    body = event.payload or event
    when = (event.header.timestamp if event.header else None) or body.timestamp
    names = tuple(name for name in (body.symbol, body.account) if name)
    try:
        return (UNKNOWN if when is None else parse_time(when)), names
    except ValueError:
        return UNKNOWN, names


def in_force(batches: list[Batch], wanted: Wanted) -> Timed:
    """Of a topic that is read whole by every shard: what was in force when the range begins, and what came in it."""
    parts, latest_ns = [], 0
    for batch in batches:
        timed, latest_ns = take(batch, Wanted(to_ns=wanted.to_ns), latest_ns)
        parts.append(timed)
    whole = joined(parts) if parts else None
    if whole is None:
        return _nothing()
    keys = whole.batch.keys or [None] * len(whole)
    before = whole.times < wanted.from_ns
    last_of = {key: at for at, key in enumerate(keys) if before[at]}
    kept = np.array([not before[at] or last_of[key] == at for at, key in enumerate(keys)], np.bool_)
    at = np.flatnonzero(kept)
    return Timed(picked(whole.batch, at), np.maximum(whole.times[at], wanted.from_ns))


def joined(parts: list[Timed]) -> Timed:
    """Parts of one partition as one."""
    batches = [part.batch for part in parts]
    starts = np.cumsum([0, *[len(batch.data) for batch in batches[:-1]]])
    return Timed(
        Batch(
            batches[0].topic,
            np.concatenate([batch.data for batch in batches]),
            np.concatenate([batch.ends + start for batch, start in zip(batches, starts, strict=True)]),
            np.concatenate([batch.partition for batch in batches]),
            np.concatenate([batch.offset for batch in batches]),
            np.concatenate([batch.timestamp_ms for batch in batches]),
            [key for batch in batches for key in batch.keys or [None] * len(batch)],
        ),
        np.concatenate([part.times for part in parts]),
    )


def _nothing() -> Timed:
    none = np.empty(0, np.int64)
    return Timed(Batch("", np.empty(0, np.uint8), none, np.empty(0, np.int32), none, none, []), none)
