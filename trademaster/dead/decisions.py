"""What was decided about letters: events on ``audit``, folded into the fate of each letter.

A decision has a number, and of two with the same number the first on the topic holds: the audit of one letter lies in one partition, so
all readers agree which that is. Whoever decides writes first what he will do, and reads whether it holds, before he does it.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from schemas.bus import Bus, Records
from schemas.events import LANES, Envelope, EventType, Header, encode
from schemas.json_errors import JSON_ERRORS
from schemas.partitioning import partition_of
from schemas.risk import Audit
from schemas.times import format_time, parse_time
from trademaster.bus.reading import read_to_end
from trademaster.dead.letters import TOPIC, Letter, LetterKey

AUDIT = "audit"
SOURCE = "dead"
State = Literal["open", "retrying", "retried", "discarded"]
"""``retrying``: a retry was begun, and how it ended was not said. Whoever began it works on it, or was stopped in the midst of it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One event on ``audit`` about a letter."""

    letter: LetterKey
    number: int
    """1, 2, ... of the letter; the end of a retry has its beginning's."""
    state: State
    claim: str
    """Tells the attempts of two people apart."""
    time_ns: int
    user: str | None
    reason: str | None
    content: str = ""
    """Of a retry: digest of topic and value, by which the tries of one content are counted."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How a letter stands."""

    state: State = "open"
    number: int = 0
    claim: str = ""
    history: tuple[Decision, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody has still to deal with it."""
        return self.state in ("open", "retrying")

    def after(self, decision: Decision) -> Fate:
        """The fate that follows; this one if the decision came too late to hold."""
        ends_ours = decision.state == "retried" and self.state == "retrying" and decision.claim == self.claim
        begins = decision.state != "retried" and decision.number == self.number + 1
        # What was decided first may be too old to be kept still.
        if self.history and not ends_ours and not begins:
            return self
        return Fate(decision.state, decision.number, decision.claim, (*self.history, decision))


OPEN = Fate()


@dataclass(slots=True)
class Fates:
    """The fate of every letter about which something was decided, as the topic ``audit`` tells it."""

    bus: Bus
    of: dict[LetterKey, Fate] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often a content was written back."""
    _next: dict[int, int] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read what was written since the last time.

        Raises:
            UnknownTopic: the bus has no topics yet.
        """
        for batch in read_to_end(self.bus, AUDIT, self._next):
            for partition, offset, value in zip(batch.partition.tolist(), batch.offset.tolist(), batch.values(), strict=True):
                self._next[partition] = offset + 1
                decision = read_decision(value)
                if decision is not None:
                    self._take(decision)

    def _take(self, decision: Decision) -> None:
        before = self.fate(decision.letter)
        after = before.after(decision)
        if after is not before and decision.state == "retried":
            self.retries[decision.content] += 1
        self.of[decision.letter] = after

    def fate(self, letter: LetterKey) -> Fate:
        """OPEN if nothing was decided."""
        return self.of.get(letter, OPEN)


@dataclass(frozen=True, slots=True)
class Said:
    """Who decides, and why."""

    user: str
    reason: str | None


def decide(letter: Letter, before: Fate, state: State, said: Said, content: str = "") -> Decision:
    """A decision that is to be written: the next of its letter."""
    return Decision(letter.key, before.number + 1, state, uuid.uuid4().hex, time.time_ns(), said.user, said.reason, content)


def ended(begun: Decision) -> Decision:
    """The end of a retry that was begun."""
    return replace(begun, state="retried", time_ns=time.time_ns())


def write_decisions(bus: Bus, decisions: Iterable[tuple[Letter, Fate, Decision]]) -> None:
    """Write and flush: letter, how it stood, what is decided.

    Raises:
        BusError: the bus cannot be reached, or its topics are missing.
    """
    rows = [(_subject(letter.id).encode(), encode(_event(letter, before, decision))) for letter, before, decision in decisions]
    partitions = len(bus.partitions(AUDIT))
    writer = bus.writer()
    try:
        keys = [key for key, _ in rows]
        places = [partition_of(key, partitions) for key in keys]
        writer.write(Records(AUDIT, places, keys, [value for _, value in rows]))
        writer.flush()
    finally:
        writer.close()


def _subject(letter_id: str) -> str:
    return f"{TOPIC}/{letter_id}"


def _event(letter: Letter, before: Fate, decision: Decision) -> Envelope[Audit]:
    event_type = EventType.AUDIT
    event_id = f"audit|{TOPIC}|{letter.id}|{decision.number}|{decision.state}|{decision.claim}"
    header = Header(event_id, letter.where, event_type.value, int(LANES[event_type]), format_time(decision.time_ns), SOURCE)
    after: dict[str, Any] = {
        "state": decision.state,
        "number": decision.number,
        "claim": decision.claim,
        "firstSeen": letter.first_seen,
        "topic": letter.place.topic,
        "rejectedFor": letter.reason,
    }
    if decision.content:
        after["content"] = decision.content
    return Envelope(
        header, Audit(_subject(letter.id), "set", decision.user, {"state": before.state, "number": before.number}, after, decision.reason)
    )


class _After(msgspec.Struct, rename="camel"):
    state: State
    number: int
    claim: str
    first_seen: str | int
    content: str = ""


class _Payload(msgspec.Struct, rename="camel"):
    subject: str
    after: msgspec.Raw = msgspec.Raw(b"null")
    user: str | None = None
    reason: str | None = None


class _Time(msgspec.Struct):
    timestamp: str | int


class _Record(msgspec.Struct):
    header: _Time
    payload: _Payload


_decode = msgspec.json.Decoder(_Record).decode
_decode_after = msgspec.json.Decoder(_After).decode


def read_decision(value: bytes) -> Decision | None:
    """The decision of a record of ``audit``; None: it tells of something else."""
    try:
        record = _decode(value)
        said = record.payload
        if not said.subject.startswith(f"{TOPIC}/"):
            return None
        after = _decode_after(said.after)
        key = LetterKey(said.subject.removeprefix(f"{TOPIC}/"), parse_time(after.first_seen))
        time_ns = parse_time(record.header.timestamp)
    except (*JSON_ERRORS, ValueError):
        return None
    return Decision(key, after.number, after.state, after.claim, time_ns, said.user, said.reason, after.content)


def held(fates: Fates, decisions: Sequence[Decision]) -> list[bool]:
    """Whether each decision, which was written, is the one that holds."""
    fates.refresh()
    return [fates.fate(decision.letter).claim == decision.claim for decision in decisions]
