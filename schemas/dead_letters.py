"""What becomes of a record that cannot be used: it goes to ``dead.letters`` with its reason, and nothing stops."""

from __future__ import annotations

import base64
from enum import StrEnum

from schemas.events import LANES, Envelope, EventType, Header, Payload, Time
from schemas.times import format_time


class Reason(StrEnum):
    """Why, in a word that can be counted."""

    MALFORMED = "malformed"
    """No JSON, or not of the shape of its schema."""
    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    NUMBER = "number"
    """A number is not finite or not a number."""
    NEGATIVE_PRICE = "negative_price"
    NEGATIVE_SIZE = "negative_size"
    TIME = "time"
    """A time that is none, or outside the years 1970 to 2199."""
    SYMBOL = "symbol"
    TOO_LARGE = "too_large"
    LATE = "late"
    """Its window had closed."""
    CONTROL = "control"
    """A limit or instrument that cannot be put in force; the one before stays."""


class DeadLetter(Payload, frozen=True):
    """DEAD_LETTER on ``dead.letters``."""

    topic: str
    partition: int
    offset: int
    reason: Reason
    detail: str
    """What was expected and what was found."""
    payload: str
    """base64 of the record, or of the one element of an array that was bad; at most MAX_PAYLOAD_BYTES of it."""
    first_seen: Time
    """When the record was appended to its topic."""


MAX_PAYLOAD_BYTES = 512 * 1024
"""A larger record is kept by its beginning; the whole stands at its topic, partition and offset."""


def dead_letter(
    *, topic: str, partition: int, offset: int, index: int, reason: Reason, detail: str, payload: bytes, first_seen_ns: int, source: str
) -> Envelope[DeadLetter]:
    """The event for one bad record (``index`` -1) or one bad element of a record that holds an array."""
    where = f"{topic}-{partition}-{offset}" + (f"/{index}" if index >= 0 else "")
    when = format_time(first_seen_ns)
    header = Header(
        event_id=f"dead|{where}",
        correlation_id=where,
        event_type=EventType.DEAD_LETTER.value,
        priority=int(LANES[EventType.DEAD_LETTER]),
        timestamp=when,
        source=source,
    )
    letter = DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        detail=detail,
        payload=base64.b64encode(payload[:MAX_PAYLOAD_BYTES]).decode("ascii"),
        first_seen=when,
    )
    return Envelope(header, letter)
