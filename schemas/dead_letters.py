"""What becomes of a record that cannot be used: it goes to ``dead.letters`` with its reason, and nothing stops."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.events import LANES, Envelope, EventType, Header, Payload, Time, encode
from schemas.outgoing import Outgoing
from schemas.partitioning import key_hash
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
    """A limit, instrument, account or action that cannot be put in force; what was before stays."""
    EXECUTION = "execution"
    """A report that says nothing that can have happened; the state is untouched."""
    COMMAND = "command"
    """A command that nobody can be answered for."""
    TRANSITION = "transition"
    """An order cannot go from its status to the one that was reported."""
    ORPHAN = "orphan"
    """What it speaks of never came: a fill that was to be corrected, an order that was reported on."""
    UNKNOWN_ACCOUNT = "unknown_account"
    UNSTORABLE = "unstorable"
    """A store that deliveries write to can never take it."""


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


INGEST = "ingest"
"""Source of the dead letters of what never came to a flow."""

MAX_PAYLOAD_BYTES = 512 * 1024
"""A larger record is kept by its beginning; the whole stands at its topic, partition and offset."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One bad record, or one bad element of a record that holds an array."""

    topic: str
    partition: int
    offset: int
    index: int
    """Place in the array; -1: the record as a whole."""
    reason: Reason
    detail: str
    payload: bytes
    """The record's bytes, or the element's alone."""
    first_seen_ns: int
    """When the record was appended, UTC ns."""


def dead_letter(reject: Reject, source: str) -> Envelope[DeadLetter]:
    """The event for a reject, made by the flow or source of that name."""
    where = f"{reject.topic}-{reject.partition}-{reject.offset}" + (f"/{reject.index}" if reject.index >= 0 else "")
    when = format_time(reject.first_seen_ns)
    header = Header(
        event_id=f"dead|{where}" if source == INGEST else f"dead|{where}|{source}",  # several flows may refuse one record
        correlation_id=where,
        event_type=EventType.DEAD_LETTER.value,
        priority=int(LANES[EventType.DEAD_LETTER]),
        timestamp=when,
        source=source,
    )
    letter = DeadLetter(
        topic=reject.topic,
        partition=reject.partition,
        offset=reject.offset,
        reason=reject.reason,
        detail=reject.detail,
        payload=base64.b64encode(reject.payload[:MAX_PAYLOAD_BYTES]).decode("ascii"),
        first_seen=when,
    )
    return Envelope(header, letter)


def encode_dead_letters(rejects: Sequence[Reject], source: str) -> Outgoing:
    """Dead letters as a writer takes them: keyed and placed by the topic they came from."""
    keys = [reject.topic.encode() for reject in rejects]
    return Outgoing(
        topic="dead.letters",
        keys=keys,
        values=[encode(dead_letter(reject, source)) for reject in rejects],
        hashes=[key_hash(key) for key in keys],
        causes=[reject.offset for reject in rejects],
        times=[reject.first_seen_ns for reject in rejects],
    )
