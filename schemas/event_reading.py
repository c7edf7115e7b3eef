"""Records of topics with one payload as events: decoded, checked, with their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event
from schemas.events import Event, Payload, Place, encode
from schemas.order_checks import check_command, check_execution
from schemas.orders import ExecutionReport, OrderCommand, OrderUpdate
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.published_checks import check_balance, check_position, check_update
from schemas.times import parse_time

PAYLOADS: dict[str, type[Payload]] = {
    "orders.commands": OrderCommand,
    "orders.events": ExecutionReport,
    "orders.updates": OrderUpdate,
    "portfolio.positions": PositionUpdate,
    "portfolio.accounts": BalanceUpdate,
}
"""What is read as events, by topic."""

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
    envelope = decode_event(value, PAYLOADS[place.topic])
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


def reject_event(event: Event[Any], reason: Reason, detail: str) -> Reject:
    """The dead letter of an event that cannot be applied; first seen at its own time."""
    return Reject(*event.place, -1, reason, detail, encode(event.envelope), event.time_ns)
