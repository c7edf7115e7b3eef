"""Records of topics as events: decoded, checked, with their place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from schemas.catalog import events_of
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event, event_decoder, open_envelope, time_of
from schemas.events import Envelope, Event, Payload, Place, encode
from schemas.order_checks import check_command, check_execution
from schemas.orders import ExecutionReport, OrderCommand, OrderUpdate
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.published_checks import check_balance, check_position, check_update
from schemas.times import parse_time
from schemas.topics import TOPICS

PAYLOADS: dict[str, type[Payload]] = {
    "orders.commands": OrderCommand,
    "orders.events": ExecutionReport,
    "orders.updates": OrderUpdate,
    "portfolio.positions": PositionUpdate,
    "portfolio.accounts": BalanceUpdate,
}
"""What flows of ours read as events, by topic, whatever the type in the header."""

EVENT_TOPICS = frozenset(
    topic for topic, row in TOPICS.items() if not row.single and topic not in ("market.ticks", "market.bars", "market.marks")
)
"""All that is read as events; of those that PAYLOADS does not name the header's type says what the payload is."""

_CHECKS: dict[type[Payload], Callable[[Any], None]] = {
    OrderCommand: check_command,
    ExecutionReport: check_execution,
    OrderUpdate: check_update,
    PositionUpdate: check_position,
    BalanceUpdate: check_balance,
}


def read_event(place: Place, value: bytes) -> Event[Any]:
    """The event of a record.

    Raises:
        RejectedRecord: it is none, or says what cannot be.
    """
    return event_reader(place.topic)(place, value)


@cache
def event_reader(topic: str) -> Callable[[Place, bytes], Event[Any]]:
    """``read_event`` of one topic."""
    payload_type = PAYLOADS.get(topic)
    if payload_type is None:
        return _read_by_type
    decode, check = event_decoder(payload_type), _CHECKS.get(payload_type)
    has_time = "timestamp" in payload_type.__struct_fields__

    def read(place: Place, value: bytes) -> Event[Any]:
        envelope = decode(value)
        header, payload = envelope.header, envelope.payload
        time_ns = time_of(header)
        if check:
            check(payload)
        if has_time and payload.timestamp is not None:  # type: ignore[attr-defined]
            time_ns = _own_time(payload.timestamp)  # type: ignore[attr-defined]
        return Event(header, payload, time_ns, place)

    return read


def _read_by_type(place: Place, value: bytes) -> Event[Any]:
    envelope = _decode_by_type(place.topic, value)
    header, payload = envelope.header, envelope.payload
    check = _CHECKS.get(type(payload))
    if check:
        check(payload)
    own_time = getattr(payload, "timestamp", None)
    return Event(header, payload, time_of(header) if own_time is None else _own_time(own_time), place)


def _own_time(timestamp: str | int) -> int:
    try:
        return parse_time(timestamp)
    except ValueError as error:
        raise RejectedRecord(Reason.TIME, f"timestamp: {str(error)[:200]}") from None


def _decode_by_type(topic: str, value: bytes) -> Envelope[Any]:
    """An event of a topic that carries several types; of a type that nobody of ours says yet the payload is a dict."""
    kind = open_envelope(value).header.event_type
    known: dict[str, type[Payload] | None] = {row.event_type: row.payload for row in events_of(topic)}
    if kind not in known:
        raise RejectedRecord(Reason.UNKNOWN_TYPE, f"expected an event of {topic} ({', '.join(known)}), found {kind[:60]!r}")
    return decode_event(value, known[kind] or dict[str, Any])


def reject_event(event: Event[Any], reason: Reason, detail: str) -> Reject:
    """The dead letter of an event that cannot be applied; first seen at its own time."""
    return Reject(*event.place, -1, reason, detail, encode(event.envelope), event.time_ns)
