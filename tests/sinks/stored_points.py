"""What InfluxDB must hold of events, said another way than ``sinks`` does, and what it does hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from schemas.bus import Batch
from schemas.times import parse_time
from tests.servers.influxdb import InfluxAddress

TAGS = {
    "market.bars": "symbol interval",
    "market.marks": "symbol",
    "market.indicators": "symbol interval",
    "signals": "symbol strategy action interval",
    "portfolio.positions": "account symbol currency",
    "portfolio.pnl": "account symbol currency",
    "portfolio.accounts": "account currency",
    "risk.exposure": "type scope account currency",
    "risk.alerts": "type rule account symbol state scope side status strategy venue",
    "orders.updates": "type account symbol side status strategy order_type venue",
    "system.health": "type service component host instance state status",
}
TEXTS = {"order_id", "alert_id", "limit_id", "key", "reason", "user", "before"}
NEITHER = {"start", "end", "bar_end", "interval", "largest_symbol", "beta_symbol", "time_in_force", "costing", "lots", "order_type"}

Point = tuple[str, frozenset[tuple[str, str]], int, frozenset[tuple[str, Any]]]
"""Measurement, tags without ``seq``, time in ns, fields."""


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def point_of(topic: str, event: Mapping[str, Any]) -> Point:
    """The point that an event must be."""
    payload = {snake(name): value for name, value in event["payload"].items()}
    wanted = TAGS[topic].split()
    given = {"type": event["header"]["eventType"], **payload}
    tags = {name: given[name] for name in wanted if given.get(name)}
    fields: dict[str, Any] = {}
    for name, value in payload.items():
        if name in TEXTS and value is not None:
            fields[name] = value
        elif name in wanted or name in NEITHER or value is None or name in TEXTS:
            continue
        elif isinstance(value, dict):
            fields.update(numbers_in(value))
        else:
            fields[name] = float(value)
    return topic.replace(".", "_"), frozenset(tags.items()), parse_time(event["header"]["timestamp"]), frozenset(fields.items())


def numbers_in(values: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= numbers_in(value, f"{prefix}{name}.")
        elif value is not None:
            found[prefix + name] = float(value)
    return found


def expected(events: Iterable[tuple[str, Mapping[str, Any]]]) -> Counter[Point]:
    """Of events with their topics: a repeat of an id is one."""
    distinct = {(topic, event["header"]["eventId"]): (topic, event) for topic, event in events}
    return Counter(point_of(topic, event) for topic, event in distinct.values())


_NUMBER = re.compile(r"[-+]?\d.*")


def stored(address: InfluxAddress, bucket: str) -> Counter[Point]:
    """All that a bucket holds."""
    fields: dict[tuple[str, frozenset[tuple[str, str]], int], dict[str, Any]] = {}
    for row in address.rows(f'from(bucket: "{bucket}") |> range(start: 0, stop: 2200-01-01T00:00:00Z)'):
        tags = frozenset((name, value) for name, value in row.items() if not name.startswith("_") and value)
        value = row["_value"]
        is_number = row["_field"] not in TEXTS and _NUMBER.fullmatch(value)
        fields.setdefault((row["_measurement"], tags, parse_time(row["_time"])), {})[row["_field"]] = float(value) if is_number else value
    return Counter(
        (name, frozenset(tag for tag in tags if tag[0] != "seq"), time, frozenset(found.items()))
        for (name, tags, time), found in fields.items()
    )


def event(topic: str, kind: str, name: str, time_ns: int, payload: Mapping[str, Any]) -> dict[str, Any]:
    """An event of another program: written with spaces."""
    second, rest = divmod(time_ns, 10**9)
    when = str(np.datetime64(second, "s")) + f".{rest:09d}Z"
    header = {"eventId": name, "correlationId": name, "eventType": kind, "priority": 2, "timestamp": when, "source": topic, "version": "1"}
    return {"header": header, "payload": dict(payload), "targetService": None}


def batch_of(topic: str, values: Sequence[bytes], *, offset: int = 0, partitions: Sequence[int] | None = None) -> Batch:
    """Records as a reader gives them, all of one partition unless said."""
    count = len(values)
    return Batch(
        topic=topic,
        data=np.frombuffer(bytearray(b"".join(values)), np.uint8),
        ends=np.cumsum(np.array([len(value) for value in values], np.int64)),
        partition=np.zeros(count, np.int32) if partitions is None else np.array(partitions, np.int32),
        offset=np.arange(offset, offset + count, dtype=np.int64),
        timestamp_ms=np.full(count, 1_700_000_000_000, np.int64),
    )


def compact(value: Any) -> bytes:
    """As the flows write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
