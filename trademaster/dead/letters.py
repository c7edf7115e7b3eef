"""The letters on ``dead.letters``, read leniently: what an older or newer program wrote shall be seen too."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from schemas.bus import Bus
from schemas.dead_letters import MAX_PAYLOAD_BYTES
from schemas.events import Place
from schemas.json_errors import JSON_ERRORS
from schemas.times import format_time, parse_time
from trademaster.bus.reading import read_to_end

TOPIC = "dead.letters"
FILES = "file:"
"""Begins the ``topic`` of letters that are rows of files."""


class LetterKey(NamedTuple):
    """What tells one letter from another: a file that is ingested again makes the same id at another time."""

    id: str
    first_seen_ns: int


class _Header(msgspec.Struct, rename="camel"):
    event_id: str
    correlation_id: str = ""
    source: str = ""


class _Payload(msgspec.Struct, rename="camel"):
    topic: str
    partition: int
    offset: int
    reason: str
    first_seen: str | int
    detail: str = ""
    payload: str = ""


class _Record(msgspec.Struct):
    header: _Header
    payload: _Payload


_decode = msgspec.json.Decoder(_Record).decode


class Letter(msgspec.Struct, frozen=True, gc=False):
    """One dead letter."""

    key: LetterKey
    where: str
    """Topic, partition and offset of what was refused, and ``/index`` of an element of an array: how people name the letter."""
    source: str
    """The flow or program that refused it."""
    place: Place
    reason: str
    detail: str
    encoded: str
    """The refused bytes in base64, cut as ``MAX_PAYLOAD_BYTES`` says."""

    @property
    def id(self) -> str:
        """``eventId`` of the letter."""
        return self.key.id

    @property
    def first_seen(self) -> str:
        """RFC 3339."""
        return format_time(self.key.first_seen_ns)

    @property
    def payload(self) -> bytes:
        """The refused record, or the one element of it."""
        try:
            return base64.b64decode(self.encoded)
        except binascii.Error:
            return b""

    @property
    def index(self) -> int | None:
        """Which element of the record's array was refused; None: the record as a whole."""
        text = self.where.removeprefix(_place_text(self.place) + "/")
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def is_cut(self) -> bool:
        """Whether the letter may hold the beginning of the record only."""
        return len(self.payload) >= MAX_PAYLOAD_BYTES

    @property
    def is_of_a_file(self) -> bool:
        """Whether what was refused never was a record."""
        return self.place.topic.startswith(FILES)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters; what is None or empty does not matter."""

    topic: str | None = None
    reasons: frozenset[str] = frozenset()
    source: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    """Exclusive. Both bounds are of ``first_seen``."""
    names: frozenset[str] = frozenset()
    """Ids or places."""

    def takes(self, letter: Letter) -> bool:
        return (
            (self.topic is None or letter.place.topic == self.topic)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.source is None or letter.source == self.source)
            and (self.from_ns is None or letter.key.first_seen_ns >= self.from_ns)
            and (self.to_ns is None or letter.key.first_seen_ns < self.to_ns)
            and (not self.names or letter.where in self.names or letter.id in self.names)
        )


@dataclass(slots=True)
class Reading:
    """Reads all letters that a bus has now, each once, by partition in the order in which they came."""

    bus: Bus
    unreadable: int = 0
    """Records on the topic that are no letters."""
    _seen: set[LetterKey] = field(default_factory=set)

    def letters(self) -> Iterator[Letter]:
        """Raises UnknownTopic: the bus has no topics yet."""
        for batch in read_to_end(self.bus, TOPIC):
            for value in batch.values():
                letter = read_letter(value)
                if letter is None:
                    self.unreadable += 1
                elif letter.key not in self._seen:  # a flow that was killed says again what it had said
                    self._seen.add(letter.key)
                    yield letter


def read_letter(value: bytes) -> Letter | None:
    """The letter of a record; None: it is none."""
    try:
        header, found = (record := _decode(value)).header, record.payload
        first_seen_ns = parse_time(found.first_seen)
    except (*JSON_ERRORS, ValueError):
        return None
    place = Place(found.topic, found.partition, found.offset)
    where = header.correlation_id if header.correlation_id.startswith(_place_text(place)) else _place_text(place)
    return Letter(LetterKey(header.event_id, first_seen_ns), where, header.source, place, found.reason, found.detail, found.payload)


def _place_text(place: Place) -> str:
    return f"{place.topic}-{place.partition}-{place.offset}"
