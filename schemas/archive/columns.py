"""The columns of an archived topic, typed from the schemas of its events, and what Parquet makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa

from schemas.catalog import BARE, events_of
from schemas.events import Header
from schemas.topics import topic as topic_row


class Kind(IntEnum):
    """What a value is on the wire."""

    TEXT = 0
    FLOAT = 1
    INTEGER = 2
    BOOL = 3
    TIME = 4
    """RFC 3339 or integer nanoseconds; int64 UTC nanoseconds in the column."""
    DECIMAL = 5
    """Decimal text or JSON number; exact in the column."""
    JSON = 6
    """Nested: its JSON text as it stands."""


DECIMAL_SCALE = 18
DECIMAL = pa.decimal128(38, DECIMAL_SCALE)
"""20 digits before the point and 18 behind it; a decimal with more is kept in ``bus_raw`` alone."""

ARROW = {
    Kind.TEXT: pa.string(),
    Kind.FLOAT: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.BOOL: pa.bool_(),
    Kind.TIME: pa.timestamp("ns"),  # UTC; with a zone DuckDB would cut it to microseconds
    Kind.DECIMAL: DECIMAL,
    Kind.JSON: pa.string(),
}
"""Type of the column of each kind."""

RECORD = pa.schema(
    [
        pa.field("bus_partition", pa.int32(), nullable=False),
        pa.field("bus_offset", pa.int64(), nullable=False),
        pa.field("bus_index", pa.int32(), nullable=False),
        pa.field("bus_count", pa.int32(), nullable=False),
        pa.field("bus_time", pa.timestamp("ms"), nullable=False),
        pa.field("bus_key", pa.binary()),
        pa.field("time", pa.timestamp("ns"), nullable=False),
    ]
)
"""What every topic has: place on the bus (``bus_index`` is the place within a record that holds an array, else -1; ``bus_count`` the rows
of the record), when it was appended, the message key, and the event time, by which it is filed: of the payload where the topic's
events may have one of their own, else of the header; of a record without a time when it was appended."""

BEHIND = pa.schema([pa.field("bus_shape", pa.dictionary(pa.int32(), pa.string())), pa.field("bus_raw", pa.binary())])
"""How the columns become the row's bytes again (``schemas/archive/shapes.py``), or the bytes themselves where columns cannot say them.
Both are null: a tombstone."""

_RESERVED = {*RECORD.names, *BEHIND.names, "topic", "date", "hour"}
_HEADER = {"timestamp": "event_time", "version": "event_version"}
"""Names of header fields that payloads have too."""


@dataclass(frozen=True, slots=True)
class ArchiveColumn:
    """One column of a topic."""

    name: str
    path: tuple[str, ...]
    """Keys on the wire from the outermost object."""
    kind: Kind


@lru_cache(maxsize=64)
def columns_of(topic: str) -> tuple[ArchiveColumn, ...]:
    """The columns that a topic has beside those of every record.

    Raises:
        UsageError: there is no such topic.
    """
    topic_row(topic)
    fields: dict[str, tuple[tuple[str, ...], Kind]]
    if topic in BARE:
        fields = {field.name: ((field.encode_name,), _kind(field.type)) for field in _fields(BARE[topic])}
    else:
        fields = {_HEADER.get(field.name, field.name): (("header", field.encode_name), _kind(field.type)) for field in _fields(Header)}
        fields |= {_free(name, fields): what for name, what in _payload_fields(topic).items()}
        fields["target_service"] = ("targetService",), Kind.TEXT
        if "timestamp" not in fields:
            fields["timestamp"] = fields.pop("event_time")
    only_time = "event_time" not in fields  # the record's time says it already
    return tuple(ArchiveColumn("time" if only_time and name == "timestamp" else _free(name, {}), *what) for name, what in fields.items())


def _payload_fields(topic: str) -> dict[str, tuple[tuple[str, ...], Kind]]:
    """Those of all payloads of the topic; where two disagree on what a field is, its JSON text."""
    payloads = dict.fromkeys(row.payload for row in events_of(topic) if row.payload)
    if not payloads:
        return {"payload": (("payload",), Kind.JSON)}
    found: dict[str, tuple[tuple[str, ...], Kind]] = {}
    for payload in payloads:
        for field in _fields(payload):
            what = ("payload", field.encode_name), _kind(field.type)
            if found.setdefault(field.name, what) != what:
                found[field.name] = what[0], Kind.JSON
    return found


def _free(name: str, taken: dict[str, Any]) -> str:
    return f"payload_{name}" if name in _RESERVED or name in taken else name


def _fields(struct: Any) -> tuple[Any, ...]:
    info: Any = msgspec.inspect.type_info(struct)
    return tuple(info.fields)


def _kind(info: Any) -> Kind:
    if isinstance(info, msgspec.inspect.Metadata):
        return _kind(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        kinds = {_kind(one) for one in info.types if not isinstance(one, msgspec.inspect.NoneType)}
        if kinds == {Kind.TEXT, Kind.INTEGER}:
            return Kind.TIME
        return kinds.pop() if len(kinds) == 1 else Kind.JSON
    return _KINDS.get(type(info), Kind.JSON)


_KINDS: dict[Any, Kind] = {
    msgspec.inspect.StrType: Kind.TEXT,
    msgspec.inspect.LiteralType: Kind.TEXT,
    msgspec.inspect.EnumType: Kind.TEXT,
    msgspec.inspect.FloatType: Kind.FLOAT,
    msgspec.inspect.IntType: Kind.INTEGER,
    msgspec.inspect.BoolType: Kind.BOOL,
    msgspec.inspect.DecimalType: Kind.DECIMAL,
}


@lru_cache(maxsize=64)
def schema_of(topic: str) -> pa.Schema:
    """The schema of a topic's files."""
    own = [pa.field(column.name, ARROW[column.kind]) for column in columns_of(topic) if column.name != "time"]
    return pa.schema([*RECORD, *own, *BEHIND], metadata={"trademaster.archive": "1", "trademaster.topic": topic})
