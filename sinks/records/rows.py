"""From records of topics to rows of tables: text, integers, floats and None, as both databases take them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table

from schemas.catalog import EVENT_PAYLOADS
from schemas.control_codec import decode_control
from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event, open_envelope
from schemas.event_reading import read_event
from schemas.events import Envelope, Event, Payload, Place
from schemas.numbers import check_finite
from schemas.orders import OrderUpdate
from schemas.portfolio import PositionUpdate
from schemas.times import format_time, parse_time
from sinks.records.tables import ALERTS, AUDIT, EXECUTIONS, LIMIT_CHANGES, ORDER_UPDATES, ORDERS, POSITIONS_DAILY

Value = str | int | float | None
Row = tuple[Value, ...]
"""Values in the order of the table's columns. Decimals, days and JSON are text."""

MAX_ID_BYTES = 1024
"""Of what is found by an index, whose entries PostgreSQL bounds."""
MAX_DIGITS = 1_000
"""Before and after the decimal point."""
_MAX_INTEGER = 2**63 - 1


class Stored(NamedTuple):
    """A row, and the table that it belongs to."""

    table: Table
    row: Row


class _Columns:
    """What the events of a topic fill: one table, or two."""

    def __init__(self, *tables: Table) -> None:
        names = [column.name for table in tables for column in table.columns]
        self._blank: dict[str, Value] = dict.fromkeys(names)
        self._rows = [(table, itemgetter(*(column.name for column in table.columns))) for table in tables]
        indexed = {column.name for table in tables for index in table.indexes for column in index.columns}
        indexed |= {column.name for table in tables for column in table.primary_key}
        self._ids = itemgetter(*(id_ for id_ in dict.fromkeys(names) if id_ in indexed))
        self._id_names = [name for name in dict.fromkeys(names) if name in indexed]

    def values(self, payload: Payload | None) -> dict[str, Value]:
        """All columns, and in them the fields of a payload.

        Raises:
            RejectedRecord: a number is one that the databases do not take.
        """
        values = self._blank.copy()
        if payload is not None:
            for name, value in zip(_names_of(type(payload)), msgspec.structs.astuple(payload), strict=True):
                kind = type(value)
                values[name] = value if kind is str or value is None or kind is float else _plain(name, value)
        return values

    def stored(self, values: dict[str, Value], tables: int = 2) -> list[Stored]:
        """Rows of the first ``tables`` of them.

        Raises:
            RejectedRecord: a name is longer than an index takes.
        """
        for value in self._ids(values):
            if type(value) is str and 4 * len(value) > MAX_ID_BYTES:
                self._check_ids(values)
        return [Stored(table, row(values)) for table, row in self._rows[:tables]]

    def _check_ids(self, values: dict[str, Value]) -> None:
        for name in self._id_names:
            value = values[name]
            if isinstance(value, str) and len(value.encode()) > MAX_ID_BYTES:
                raise RejectedRecord(Reason.TOO_LARGE, f"{name}: expected at most {MAX_ID_BYTES} bytes, found {len(value.encode())}")


_RENAMED = {
    "user": "user_name",
    "before": "state_before",
    "after": "state_after",
    "key": "alert_key",
    "clear": "clear_threshold",
    "window": "time_window",
}


@cache
def _names_of(payload: type[Payload]) -> tuple[str, ...]:
    """The columns of a payload's fields."""
    return tuple(_RENAMED.get(name, name) for name in payload.__struct_fields__)


def _plain(name: str, value: Any) -> Value:
    kind = type(value)
    if kind is Decimal:
        return _decimal(name, value)
    if kind is int:
        if not -_MAX_INTEGER <= value <= _MAX_INTEGER:
            raise RejectedRecord(Reason.NUMBER, f"{name}: expected an integer of 64 bits, found {value}")
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):  # of an enum
        return str.__str__(value)
    if isinstance(value, bool):
        return int(value)
    return msgspec.json.encode(value).decode()


def _decimal(name: str, value: Decimal) -> str:
    text = str(value)
    if len(text) > 40 or "E" in text:
        check_finite(name, value)
        _, digits, exponent = value.as_tuple()
        if isinstance(exponent, int) and not (exponent >= -MAX_DIGITS and len(digits) + exponent <= MAX_DIGITS):
            raise RejectedRecord(Reason.NUMBER, f"{name}: expected at most {MAX_DIGITS} digits on each side, found {value:.6e}")
        return format(value, "f")
    if not value.is_finite():
        check_finite(name, value)
    return text


class Record(NamedTuple):
    """A record of the bus, as it is read."""

    log: int
    place: Place
    key: bytes | None
    value: bytes
    timestamp_ms: int


_ORDERS, _EXECUTIONS, _POSITIONS = _Columns(ORDER_UPDATES, ORDERS), _Columns(EXECUTIONS), _Columns(POSITIONS_DAILY)
_ALERTS, _AUDIT, _LIMITS = _Columns(ALERTS), _Columns(AUDIT), _Columns(LIMIT_CHANGES)


def _values(columns: _Columns, record: Record, event: Event[Any] | Envelope[Any], time_ns: int) -> dict[str, Value]:
    """The columns of the payload, and those that all events have."""
    header, place = event.header, record.place
    values = columns.values(event.payload)
    values["event_id"] = header.event_id
    values["event_type"] = header.event_type
    values["correlation_id"] = header.correlation_id
    values["source"] = header.source
    values["time_ns"] = time_ns
    values["bus_log"] = record.log
    values["bus_partition"] = place.partition
    values["bus_offset"] = place.offset
    return values


def _orders(record: Record) -> list[Stored]:
    event: Event[OrderUpdate] = read_event(record.place, record.value)
    values = _values(_ORDERS, record, event, event.time_ns)
    values["created_ns"] = event.time_ns
    return _ORDERS.stored(values, 2 if event.payload.version > 0 else 1)


def _executions(record: Record) -> list[Stored]:
    event = read_event(record.place, record.value)
    return _EXECUTIONS.stored(_values(_EXECUTIONS, record, event, event.time_ns))


def _positions(record: Record) -> list[Stored]:
    if not record.value:
        return []  # a tombstone: what was remains written
    event: Event[PositionUpdate] = read_event(record.place, record.value)
    values = _values(_POSITIONS, record, event, event.time_ns)
    lots = [{"quantity": format(lot.quantity, "f"), "price": format(lot.price, "f")} for lot in event.payload.lots]
    values["lots"] = msgspec.json.encode(lots).decode()
    values["day"] = format_time(event.time_ns)[:10]
    return _POSITIONS.stored(values)


def _typed(columns: _Columns, record: Record) -> tuple[Any, dict[str, Value]]:
    """The payload of an event of a topic with several types, and its values."""
    topic = record.place.topic
    event_type = open_envelope(record.value).header.event_type
    known = {str(kind): payload for (kind, stands_on), payload in EVENT_PAYLOADS.items() if stands_on == topic}
    if not (payload := known.get(event_type)):
        expected = ", ".join(known)
        raise RejectedRecord(Reason.UNKNOWN_TYPE, f"header.eventType: expected one of {expected} on {topic}, found {event_type[:100]}")
    envelope: Envelope[Any] = decode_event(record.value, payload)
    return envelope.payload, _values(columns, record, envelope, parse_time(envelope.header.timestamp))


def _alerts(record: Record) -> list[Stored]:
    payload, values = _typed(_ALERTS, record)
    if isinstance(payload, OrderUpdate):
        values["state"] = str(payload.status)
    return _ALERTS.stored(values)


def _audit(record: Record) -> list[Stored]:
    return _AUDIT.stored(_typed(_AUDIT, record)[1])


def _limits(record: Record) -> list[Stored]:
    place = record.place
    control = decode_control(place.topic, record.key, record.value, place.partition, place.offset)
    values = _LIMITS.values(control.payload)
    values["bus_log"] = record.log
    values["bus_partition"] = place.partition
    values["bus_offset"] = place.offset
    values["time_ns"] = control.time_ns or record.timestamp_ms * 1_000_000
    values["event_id"] = control.event_id or None
    values["limit_id"] = control.id
    values["removed"] = int(control.payload is None)
    return _LIMITS.stored(values)


_READ: dict[str, Callable[[Record], list[Stored]]] = {
    "orders.updates": _orders,
    "orders.events": _executions,
    "portfolio.positions": _positions,
    "risk.alerts": _alerts,
    "audit": _audit,
    "control.limits": _limits,
}


def read_rows(record: Record) -> list[Stored]:
    """The rows of a record, at most one a table.

    Raises:
        RejectedRecord: it is no event of its topic, or holds what no database takes.
    """
    if record.value or record.place.topic in ("portfolio.positions", "control.limits"):
        rows = _READ[record.place.topic](record)
    else:
        raise RejectedRecord(Reason.MALFORMED, "expected an event, found an empty record")
    if b"\\u0000" in record.value or not record.value:
        for stored in rows:
            _check_no_nul(stored)
    return rows


def _check_no_nul(stored: Stored) -> None:
    """PostgreSQL stores no NUL, so SQLite shall not either: records move from one to the other."""
    for column, value in zip(stored.table.columns, stored.row, strict=True):
        if isinstance(value, str) and ("\0" in value or (column.name in _JSON and _holds_nul(msgspec.json.decode(value)))):
            raise RejectedRecord(Reason.MALFORMED, f"{column.name}: expected text without NUL, found {value[:100]!r}")


_JSON = {"lots", "state_before", "state_after"}


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(name) or _holds_nul(one) for name, one in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value
