"""Ticks as records of ``market.ticks``: each in its symbol's partition, one a record or arrays of them."""

from __future__ import annotations

from collections import defaultdict

import msgspec
import numpy as np

from schemas.bus import Records
from schemas.json_errors import JSON_ERRORS
from schemas.partitioning import partition_of
from schemas.symbols import SYMBOLS
from schemas.tick_codec import encode_ticks
from schemas.ticks import Rows
from schemas.times import parse_time

TOPIC = "market.ticks"


class _Routed(msgspec.Struct, gc=False):
    """What of a tick says where it belongs; whether it is a good one is the reader's question."""

    type: object = None
    symbol: object = None
    timestamp: object = None


_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_routed = msgspec.json.Decoder(_Routed).decode


def heartbeats(time_ns: int, partitions: int) -> Records:
    """A heartbeat for every partition: no tick before ``time_ns`` will follow."""
    value = b'{"type":"heartbeat","timestamp":%d}' % time_ns
    return Records(TOPIC, range(partitions), [b""] * partitions, [value] * partitions)


def tick_records(rows: Rows, partitions: int, batch: int = 1) -> Records:
    """Records of rows in their order within each partition.

    Args:
        batch: ticks a record at most; from 2 on a record is an array, without a key if it holds several symbols.
    """
    values = encode_ticks(rows)
    where = SYMBOLS.key_hash[rows["symbol"]] % partitions
    names = {code: SYMBOLS.names[code].encode() for code in np.unique(rows["symbol"]).tolist()}
    keys = [names[code] for code in rows["symbol"].tolist()]
    if batch == 1:
        return Records(TOPIC, where.tolist(), keys, values)
    at, places, some_keys, arrays = np.argsort(where, kind="stable"), [], [], []
    for part in np.split(at, np.flatnonzero(np.diff(where[at])) + 1):
        for start in range(0, len(part), batch):
            chosen = part[start : start + batch].tolist()
            held = {keys[index] for index in chosen}
            places.append(int(where[chosen[0]]))
            some_keys.append(held.pop() if len(held) == 1 else b"")
            arrays.append(b"[" + b",".join([values[index] for index in chosen]) + b"]")
    return Records(TOPIC, places, some_keys, arrays)


def route(value: bytes, partitions: int) -> list[tuple[int, bytes, bytes]]:
    """Partition, key and value of the records that a JSON tick or array of ticks makes, its text unchanged.

    A heartbeat goes to every partition, an array whose ticks belong to several is split. What has no symbol goes to partition 0, where the
    reader makes a dead letter of it.
    """
    if value[:1] != b"[":
        key, everywhere = _key(value)
        return (
            [(part, b"", value) for part in range(partitions)]
            if everywhere
            else [(partition_of(key, partitions) if key else 0, key, value)]
        )
    try:
        elements = [bytes(element) for element in _array(value)]
    except JSON_ERRORS:
        return [(0, b"", value)]
    parts: dict[int, list[bytes]] = defaultdict(list)
    keys: dict[int, set[bytes]] = defaultdict(set)
    for element in elements:
        key, everywhere = _key(element)
        for part in range(partitions) if everywhere else (partition_of(key, partitions) if key else 0,):
            parts[part].append(element)
            keys[part].add(key)
    return [
        (part, keys[part].pop() if len(keys[part]) == 1 else b"", b"[" + b",".join(held) + b"]" if len(parts) > 1 else value)
        for part, held in sorted(parts.items())
    ]


def _key(value: bytes) -> tuple[bytes, bool]:
    """The symbol, and whether the tick is a heartbeat."""
    try:
        tick = _routed(value)
    except JSON_ERRORS:
        return b"", False
    symbol = tick.symbol.encode("utf-8", "replace") if isinstance(tick.symbol, str) else b""
    return symbol, tick.type == "heartbeat" and _is_time(tick.timestamp)


def _is_time(timestamp: object) -> bool:
    """Whether a heartbeat says a time: one that does not is one bad record, not one in every partition."""
    try:
        return isinstance(timestamp, str | int) and parse_time(timestamp) >= 0
    except ValueError:
        return False
