"""What a retry writes: the record that was refused, found at its place, or the one element of it that the letter holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from schemas.bus import Bus
from schemas.events import Place
from schemas.json_errors import JSON_ERRORS
from schemas.kept_records import KeptRecord
from schemas.partitioning import partition_of
from schemas.placement import place_record
from schemas.topics import TOPICS
from trademaster.bus.reading import read_to_end
from trademaster.bus.records import records_at
from trademaster.dead.letters import Letter, LetterKey
from trademaster.tick_records import TOPIC as TICKS
from trademaster.tick_records import route

RETRY_HEADER = "trademaster-retry"
"""How often this content was written back, this time included, as decimal digits."""
LETTER_HEADER = "trademaster-dead-letter"
"""``eventId`` of the letter."""


_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a letter cannot be retried, and what to do instead."""

    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class Retry:
    """A record to be written back."""

    letter: Letter
    record: KeptRecord
    """Its place has the partition; its offset means nothing."""
    content: str


def originals(bus: Bus, letters: Sequence[Letter]) -> dict[LetterKey, KeptRecord]:
    """The records that the letters are of, as far as they are kept and are those."""
    found = records_at(bus, {letter.place for letter in letters if not letter.is_of_a_file})
    return {letter.key: found[letter.place] for letter in letters if letter.place in found and is_of(letter, found[letter.place])}


def is_of(letter: Letter, record: KeptRecord) -> bool:
    """Whether the record at a letter's place is what it tells of: some letters know their place only in part, and topics are made anew."""
    payload, value = letter.payload, refused_part(letter, record.value or b"")
    if value is None:
        return False
    if letter.is_cut:
        return value.startswith(payload)
    if payload == value:
        return True
    # Letters of what was understood hold it in our own spelling.
    said, found = _parsed(payload), _parsed(value)
    if not isinstance(said, dict) or not isinstance(found, dict):
        return False
    if isinstance(said.get("header"), dict):
        header = found.get("header")
        return isinstance(header, dict) and said["header"].get("eventId") == header.get("eventId")
    return _same_tick(said, found)


def refused_bytes(letter: Letter, original: KeptRecord | None) -> bytes:
    """What was refused as it stood in its record, or, where that is not kept, as the letter has it."""
    part = refused_part(letter, original.value or b"") if original is not None else None
    return letter.payload if part is None else part


def refused_part(letter: Letter, value: bytes) -> bytes | None:
    """What of a record's value was refused: all of it, or the element of its array; None: it has no such."""
    if letter.index is None:
        return value
    try:
        elements = _elements(value)
    except JSON_ERRORS:
        return None
    return bytes(elements[letter.index]) if letter.index < len(elements) else None


def _same_tick(said: dict[str, Any], found: dict[str, Any]) -> bool:
    """By what both spell alike; a time may be written in two ways."""
    return "symbol" in said and all(
        said[name] == found.get(name) for name in ("type", "symbol", "sequence", "price", "bid", "ask") if name in said
    )


def _parsed(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except JSON_ERRORS:
        return None


class Retries:
    """Makes the retries of letters."""

    def __init__(self, bus: Bus, letters: Sequence[Letter]) -> None:
        self._bus = bus
        self._found = originals(bus, letters)
        self._newer = _newer_keys(bus, self._found.values())

    def of(self, letter: Letter, tries: dict[str, int]) -> Retry | Refusal:
        """The record to write for a letter, or why there is none.

        Args:
            tries: how often each content was written back already.
        """
        if letter.is_of_a_file:
            return Refusal("it is a row of a file, not a record of a topic", "mend the file and ingest it again, then discard the letter")
        original = self._found.get(letter.key)
        compacted = letter.place.topic in TOPICS and TOPICS[letter.place.topic].compacted
        if compacted and (original is None or letter.place in self._newer):
            return Refusal(
                f"a newer record of its key stands on {letter.place.topic}, which keeps the latest",
                "`trademaster dead show` has what it said: write it anew if it shall hold again",
            )
        record = _written(letter, original) if original is not None else self._placed(letter)
        if isinstance(record, Refusal):
            return record
        content = _digest(letter.place.topic, record.value or b"")
        count = 1 + max(tries.get(content, 0), _count_of(record))
        ours = ((RETRY_HEADER, str(count).encode()), (LETTER_HEADER, letter.id.encode()))
        theirs = tuple(header for header in record.headers if header[0] not in (RETRY_HEADER, LETTER_HEADER))
        return Retry(letter, KeptRecord(record.place, record.key, record.value, theirs + ours), content)

    def _placed(self, letter: Letter) -> KeptRecord | Refusal:
        """Without the original: what the letter holds, placed by what it says."""
        topic, payload = letter.place.topic, letter.payload
        if letter.is_cut or not payload or topic not in TOPICS:
            return Refusal(
                f"the record {letter.where} is not kept, and the letter does not hold all of it",
                "write it anew from where it came",
            )
        count = len(self._bus.partitions(topic))
        if topic == TICKS:
            partition, key, _ = route(payload, count)[0]
        else:
            key, partition_key = place_record(topic, payload)
            if not partition_key:
                return Refusal(
                    f"the record {letter.where} is not kept any more, or is another one, and what the letter holds names no key",
                    "mend what `trademaster dead show --payload` prints, and `trademaster ingest jsonl` it",
                )
            partition = 0 if TOPICS[topic].single else partition_of(partition_key, count)
        return KeptRecord(Place(topic, partition, -1), key, payload)


def _written(letter: Letter, original: KeptRecord) -> KeptRecord:
    """All of the record, or of an array the element that was refused: the others were taken."""
    value = original.value if letter.index is None else refused_part(letter, original.value or b"")
    return KeptRecord(Place(original.place.topic, original.place.partition, -1), original.key, value, original.headers)


def _newer_keys(bus: Bus, records: Iterable[KeptRecord]) -> set[Place]:
    """Records of compacted topics behind which another of the same key stands."""
    newer: set[Place] = set()
    by_topic: dict[str, list[KeptRecord]] = {}
    for record in records:
        if record.place.topic in TOPICS and TOPICS[record.place.topic].compacted:
            by_topic.setdefault(record.place.topic, []).append(record)
    for topic, found in by_topic.items():
        latest: dict[tuple[int, bytes | None], int] = {}
        for batch in read_to_end(bus, topic, with_keys=True):
            keys = batch.keys or [None] * len(batch)
            latest.update(zip(zip(batch.partition.tolist(), keys, strict=True), batch.offset.tolist(), strict=True))
        newer |= {r.place for r in found if latest.get((r.place.partition, r.key), -1) > r.place.offset}
    return newer


def _count_of(record: KeptRecord) -> int:
    """What the header of an earlier retry says."""
    for name, value in record.headers:
        if name == RETRY_HEADER and value is not None and value.isdigit() and len(value) < 10:
            return int(value)
    return 0


def _digest(topic: str, value: bytes) -> str:
    return blake2b(topic.encode() + b"\0" + value, digest_size=16).hexdigest()
