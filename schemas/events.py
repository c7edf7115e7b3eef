"""The envelope, an event as it flows inside, and the types of events with their lanes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from itertools import repeat
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from schemas.times import format_time
from schemas.topics import Lane

Time = Annotated[str | int, Meta(description="RFC 3339 with nanoseconds, UTC; integer nanoseconds since 1970 are accepted")]
"""A time on the wire. Ours are written as text (``schemas.times.format_time``)."""


class Payload(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """Base of what we define: frozen, camelCase on the wire, unknown fields refused."""


class Header(Payload, frozen=True):
    """What every event says of itself."""

    event_id: str
    """Deterministic: a replay makes the same one, so that a repeat can be dropped."""
    correlation_id: str
    """Handed on from the cause: command, order, fill, position, alert."""
    event_type: str
    priority: int
    timestamp: Time
    """Event time."""
    source: str
    """The flow that made it."""
    version: str = "1"


P = TypeVar("P")


class Envelope(msgspec.Struct, Generic[P], frozen=True, rename="camel", forbid_unknown_fields=True):
    """An event on the wire, on every topic but ``market.ticks``."""

    header: Header
    payload: P
    target_service: str | None = None


class RawEnvelope(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """An event whose payload has not been looked at yet."""

    header: Header
    payload: msgspec.Raw
    target_service: str | None = None


class Place(NamedTuple):
    """A record on the bus; in a pipe the offset is the line."""

    topic: str
    partition: int
    offset: int


def places_of(topic: str, partitions: Iterable[int], offsets: Iterable[int]) -> Iterator[Place]:
    """The places of many records of a topic: ``Place(topic, partition, offset)`` of each, without a call of Python's for each."""
    return map(tuple.__new__, repeat(Place), zip(repeat(topic), partitions, offsets, strict=False))


NOWHERE = Place("", 0, 0)
"""Of what was no record."""


class Event(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """An event as it flows inside: taken from a record, or made because of one."""

    header: Header
    payload: P
    time_ns: int
    """Event time: of the payload where it has one of its own, else of the header."""
    place: Place
    """The record it was, or the one that caused it."""

    @property
    def envelope(self) -> Envelope[P]:
        """As it stands on the wire."""
        return Envelope(self.header, self.payload)


class Watermark(msgspec.Struct, frozen=True, gc=False):
    """Beside events: none of an earlier time will come. END_OF_TIME_NS at the end of an input."""

    time_ns: int


class EventType(StrEnum):
    """Every type of event, by lane."""

    # critical
    RISK_LIMIT_BREACH = "RISK_LIMIT_BREACH"
    MARGIN_CALL = "MARGIN_CALL"
    POSITION_LIMIT_EXCEEDED = "POSITION_LIMIT_EXCEEDED"
    STOP_LOSS_TRIGGERED = "STOP_LOSS_TRIGGERED"
    ORDER_REJECTED_CRITICAL = "ORDER_REJECTED_CRITICAL"
    ORDER_CANCELLED_SYSTEM = "ORDER_CANCELLED_SYSTEM"
    RISK_LIMIT_CLEARED = "RISK_LIMIT_CLEARED"
    TAKE_PROFIT_TRIGGERED = "TAKE_PROFIT_TRIGGERED"
    TRADING_HALTED = "TRADING_HALTED"
    TRADING_RESUMED = "TRADING_RESUMED"
    # high
    ORDER_PLACED = "ORDER_PLACED"
    ORDER_FILLED = "ORDER_FILLED"
    ORDER_PARTIAL_FILL = "ORDER_PARTIAL_FILL"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_REJECTED = "ORDER_REJECTED"
    ORDER_REPLACED = "ORDER_REPLACED"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    ORDER_OVERFILL = "ORDER_OVERFILL"
    ORDER_PENDING = "ORDER_PENDING"
    ORDER_CANCEL_REJECTED = "ORDER_CANCEL_REJECTED"
    PRICE_UPDATE = "PRICE_UPDATE"
    VOLUME_UPDATE = "VOLUME_UPDATE"
    ORDER_BOOK_CHANGE = "ORDER_BOOK_CHANGE"
    TRADE_EXECUTION = "TRADE_EXECUTION"
    BAR_CLOSED = "BAR_CLOSED"
    SIGNAL_GENERATED = "SIGNAL_GENERATED"
    INDICATOR_UPDATE = "INDICATOR_UPDATE"
    # standard
    POSITION_UPDATE = "POSITION_UPDATE"
    PNL_CHANGE = "PNL_CHANGE"
    BALANCE_UPDATE = "BALANCE_UPDATE"
    MARGIN_UPDATE = "MARGIN_UPDATE"
    EXPOSURE_UPDATE = "EXPOSURE_UPDATE"
    AGENT_STATUS_CHANGE = "AGENT_STATUS_CHANGE"
    TASK_COMPLETION = "TASK_COMPLETION"
    PERFORMANCE_ALERT = "PERFORMANCE_ALERT"
    # background
    SERVICE_HEALTH_CHECK = "SERVICE_HEALTH_CHECK"
    MAINTENANCE_NOTICE = "MAINTENANCE_NOTICE"
    ANALYTICS_UPDATE = "ANALYTICS_UPDATE"
    USER_NOTIFICATION = "USER_NOTIFICATION"
    SYSTEM_ANNOUNCEMENT = "SYSTEM_ANNOUNCEMENT"
    REPORT_GENERATED = "REPORT_GENERATED"
    AUDIT = "AUDIT"
    DEAD_LETTER = "DEAD_LETTER"
    # inputs
    ORDER_COMMAND = "ORDER_COMMAND"
    EXECUTION_REPORT = "EXECUTION_REPORT"
    CONTROL_UPDATE = "CONTROL_UPDATE"


def _lanes() -> dict[EventType, Lane]:
    first_of = {
        EventType.RISK_LIMIT_BREACH: Lane.CRITICAL,
        EventType.ORDER_PLACED: Lane.HIGH,
        EventType.POSITION_UPDATE: Lane.STANDARD,
        EventType.SERVICE_HEALTH_CHECK: Lane.BACKGROUND,
        EventType.ORDER_COMMAND: Lane.HIGH,
        EventType.CONTROL_UPDATE: Lane.STANDARD,
    }
    lanes, lane = {}, Lane.CRITICAL
    for event_type in EventType:
        lane = first_of.get(event_type, lane)
        lanes[event_type] = lane
    return lanes


LANES = _lanes()
"""Lane of each type; the header's ``priority`` is its number."""


def follow(cause: Event[Any], event_type: EventType, event_id: str, payload: P, source: str, time_ns: int | None = None) -> Event[P]:
    """An event that another one caused: its correlation and its place are handed on, and its time if none is given."""
    when = cause.time_ns if time_ns is None else time_ns
    header = Header(event_id, cause.header.correlation_id, event_type.value, int(LANES[event_type]), format_time(when), source)
    return Event(header, payload, when, cause.place)


_encoder = msgspec.json.Encoder()
_encode = _encoder.encode
encode_plainly_into = _encoder.encode_into
"""As ``encode``, into a buffer; but a decimal may stand there with an exponent."""
_find_exponent = re.compile(rb'"-?\d[\d.]*E[+-]\d+"').search


def encode(event: Envelope[Any]) -> bytes:
    """An event as it stands on the wire: compact JSON in UTF-8, decimals in plain notation (``0.0000001``, not ``1E-7``)."""
    encoded = _encode(event)
    if (b"E-" in encoded or b"E+" in encoded) and _find_exponent(encoded) and isinstance(event.payload, msgspec.Struct):
        plain = _in_plain_notation(msgspec.to_builtins(event.payload, builtin_types=(Decimal,)))
        return _encode(Envelope(event.header, plain, event.target_service))
    return encoded


def _in_plain_notation(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: _in_plain_notation(one) for name, one in value.items()}
    return [_in_plain_notation(one) for one in value] if isinstance(value, list | tuple) else value
