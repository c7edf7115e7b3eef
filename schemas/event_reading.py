"""Records of topics as events: decoded, checked, with their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.catalog import events_of
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event, open_envelope
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
    payload_type = PAYLOADS.get(place.topic)
    envelope: Envelope[Any] = decode_event(value, payload_type) if payload_type else _decode_by_type(place.topic, value)
    payload = envelope.payload
    check = _CHECKS.get(type(payload))
    if check:
        check(payload)
    own_time = getattr(payload, "timestamp", None)
    try:
        time_ns = parse_time(envelope.header.timestamp if own_time is None else own_time)
    except ValueError as error:
        raise RejectedRecord(Reason.TIME, f"timestamp: {str(error)[:200]}") from None
    return Event(envelope.header, payload, time_ns, place)


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
