"""The records of a topic as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.bus import Batch, Bus, Position
from schemas.json_errors import JSON_ERRORS
from schemas.times import format_time

_POLL_RECORDS = 1000
_POLL_S = 0.5

_encode = msgspec.json.Encoder().encode
_raw = msgspec.json.Decoder(msgspec.Raw).decode


def records(bus: Bus, topic: str, *, from_end: bool, key: str | None, limit: int | None, follow: bool) -> Iterator[bytes]:
    """A line a record, with its line feed.

    Args:
        from_end: start behind what is there now.
        key: only records with this message key.
        limit: most records; None: no bound.
        follow: False: stop at the end as it was at the start.

    Raises:
        UnknownTopic: the topic does not exist.
    """
    if limit == 0:
        return
    end = bus.state(topic).end
    reader = bus.reader(topic, start=end if from_end else None, with_keys=True)
    wanted = key.encode() if key is not None else None
    count = 0
    try:
        while follow or _before(reader.position(), end):
            batch = reader.poll(_POLL_RECORDS, _POLL_S)
            for line in _lines(batch, wanted, None if follow else end) if batch is not None else ():
                yield line
                count += 1
                if count == limit:
                    return
    finally:
        reader.close()


def _before(position: Position, end: Position) -> bool:
    return any(position.get(partition, 0) < offset for partition, offset in end.items())


def _lines(batch: Batch, key: bytes | None, end: Position | None) -> Iterator[bytes]:
    keys = batch.keys or [None] * len(batch)
    columns = zip(batch.values(), batch.partition.tolist(), batch.offset.tolist(), batch.timestamp_ms.tolist(), keys, strict=True)
    for value, partition, offset, timestamp_ms, record_key in columns:
        if (key is None or record_key == key) and (end is None or offset < end.get(partition, 0)):
            yield line_of(batch.topic, partition, offset, timestamp_ms, record_key, value)


def line_of(topic: str, partition: int, offset: int, timestamp_ms: int, key: bytes | None, value: bytes) -> bytes:
    """A record as a JSON object, with a line feed; a pipe takes it."""
    line = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "time": format_time(timestamp_ms * 1_000_000) if timestamp_ms >= 0 else None,
        "key": key.decode("utf-8", "replace") if key is not None else None,
        "value": _value(value),
    }
    return _encode(line) + b"\n"


def _value(value: bytes) -> Any:
    """The JSON of a record on one line, or its text where it is none."""
    if not value:
        return None
    try:
        # A raw value is copied as it is, so that no digit of a number changes; a line feed in it would part the line.
        return _raw(value) if b"\n" not in value else msgspec.json.decode(value)
    except JSON_ERRORS:
        return value.decode("utf-8", "replace")
