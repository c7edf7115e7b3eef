"""From records of topics to rows of tables: text, integers, floats and None, as both databases take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table

from schemas.alerts import Alert, TradingChange
from schemas.catalog import EVENT_PAYLOADS
from schemas.control import Limit
from schemas.control_codec import decode_control
from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event, open_envelope
from schemas.event_reading import read_event
from schemas.events import Envelope, Event, Place
from schemas.numbers import check_finite
from schemas.orders import OrderUpdate
from schemas.portfolio import PositionUpdate
from schemas.risk import Audit
from schemas.times import format_time, parse_time
from sinks.sql_tables import ALERTS, AUDIT, EXECUTIONS, LIMIT_CHANGES, ORDER_UPDATES, ORDERS, POSITIONS_DAILY

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
    """The columns of a table, by what must be asked of them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = [column.name for column in table.columns]
        indexed = {column.name for index in table.indexes for column in index.columns} | {column.name for column in table.primary_key}
        self.ids = [name for name in self.names if name in indexed]

    def row(self, values: Mapping[str, Any]) -> Stored:
        """Raises RejectedRecord: an integer or a name is larger than the databases take."""
        for name in self.ids:
            value = values.get(name)
            if type(value) is str and 4 * len(value) > MAX_ID_BYTES and len(value.encode()) > MAX_ID_BYTES:
                raise RejectedRecord(Reason.TOO_LARGE, f"{name}: expected at most {MAX_ID_BYTES} bytes, found {len(value.encode())}")
        return Stored(self.table, tuple([_plain(name, values.get(name)) for name in self.names]))


def _plain(name: str, value: Any) -> Value:
    kind = type(value)
    if kind is str or value is None or kind is float:
        return value  # type: ignore[no-any-return]
    if kind is int:
        if not -_MAX_INTEGER <= value <= _MAX_INTEGER:
            raise RejectedRecord(Reason.NUMBER, f"{name}: expected an integer of 64 bits, found {value}")
        return value  # type: ignore[no-any-return]
    if kind is Decimal:
        return _decimal(name, value)
    if isinstance(value, str | bool):  # an enum's value
        return int(value) if isinstance(value, bool) else str(value)
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


_ORDERS, _ORDER_UPDATES, _EXECUTIONS = _Columns(ORDERS), _Columns(ORDER_UPDATES), _Columns(EXECUTIONS)
_POSITIONS, _ALERTS, _AUDIT, _LIMITS = _Columns(POSITIONS_DAILY), _Columns(ALERTS), _Columns(AUDIT), _Columns(LIMIT_CHANGES)

_RENAMED = {"user": "user_name", "before": "state_before", "after": "state_after", "key": "alert_key"}


def _values(log: int, place: Place, event: Event[Any] | Envelope[Any], time_ns: int) -> dict[str, Any]:
    """The columns that all events have, and those of the payload."""
    header, payload = event.header, event.payload
    values = {_RENAMED.get(name, name): getattr(payload, name) for name in payload.__struct_fields__}
    values.update(
        event_id=header.event_id,
        event_type=header.event_type,
        correlation_id=header.correlation_id,
        source=header.source,
        time_ns=time_ns,
        bus_log=log,
        bus_partition=place.partition,
        bus_offset=place.offset,
    )
    return values


class Record(NamedTuple):
    """A record of the bus, as it is read."""

    log: int
    place: Place
    key: bytes | None
    value: bytes
    timestamp_ms: int


def _orders(record: Record) -> list[Stored]:
    event: Event[OrderUpdate] = read_event(record.place, record.value)
    values = _values(record.log, record.place, event, event.time_ns)
    stored = [_ORDER_UPDATES.row(values)]
    if event.payload.version > 0:
        stored.append(_ORDERS.row(values | {"created_ns": event.time_ns}))
    return stored


def _executions(record: Record) -> list[Stored]:
    event = read_event(record.place, record.value)
    return [_EXECUTIONS.row(_values(record.log, record.place, event, event.time_ns))]


def _positions(record: Record) -> list[Stored]:
    if not record.value:
        return []  # a tombstone: what was remains written
    event: Event[PositionUpdate] = read_event(record.place, record.value)
    values = _values(record.log, record.place, event, event.time_ns)
    lots = [{"quantity": format(lot.quantity, "f"), "price": format(lot.price, "f")} for lot in event.payload.lots]
    return [_POSITIONS.row(values | {"day": format_time(event.time_ns)[:10], "lots": lots})]


def _typed(record: Record) -> tuple[Envelope[Any], int]:
    """An event of a topic with several types, and its time."""
    topic = record.place.topic
    event_type = open_envelope(record.value).header.event_type
    known = {str(kind): payload for (kind, stands_on), payload in EVENT_PAYLOADS.items() if stands_on == topic}
    if not (payload := known.get(event_type)):
        expected = ", ".join(known)
        raise RejectedRecord(Reason.UNKNOWN_TYPE, f"header.eventType: expected one of {expected} on {topic}, found {event_type[:100]}")
    envelope: Envelope[Any] = decode_event(record.value, payload)
    return envelope, parse_time(envelope.header.timestamp)


def _alerts(record: Record) -> list[Stored]:
    envelope, time_ns = _typed(record)
    values = _values(record.log, record.place, envelope, time_ns)
    if isinstance(envelope.payload, OrderUpdate):
        values["state"] = envelope.payload.status
    elif not isinstance(envelope.payload, Alert | TradingChange):
        raise TypeError(f"expected a column for each payload of risk.alerts, found {type(envelope.payload).__name__}")
    return [_ALERTS.row(values)]


def _audit(record: Record) -> list[Stored]:
    envelope, time_ns = _typed(record)
    values = _values(record.log, record.place, envelope, time_ns)
    assert isinstance(envelope.payload, Audit)
    return [_AUDIT.row(values)]


def _limits(record: Record) -> list[Stored]:
    place = record.place
    control = decode_control(place.topic, record.key, record.value, place.partition, place.offset)
    limit = control.payload
    values: dict[str, Any] = {name: getattr(limit, name) for name in limit.__struct_fields__} if isinstance(limit, Limit) else {}
    values |= {"clear_threshold": values.pop("clear", None), "time_window": values.pop("window", None)}
    values |= {
        "bus_log": record.log,
        "bus_partition": place.partition,
        "bus_offset": place.offset,
        "time_ns": control.time_ns or record.timestamp_ms * 1_000_000,
        "event_id": control.event_id or None,
        "limit_id": control.id,
        "removed": limit is None,
    }
    return [_LIMITS.row(values)]


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
