"""Which letters a command is about, counted and chosen in one pass over the topic."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.bus import Bus
from schemas.kept_records import KeptRecord
from trademaster.dead.decisions import Fate, Fates, State
from trademaster.dead.letters import Filter, Letter, LetterKey, Reading
from trademaster.dead.originals import originals

_AT_ONCE = 1000
MAX_CHOSEN = 100_000
MAX_CHOSEN_BYTES = 256 * 1024 * 1024


class Kind(NamedTuple):
    """What letters are counted by."""

    reason: str
    topic: str
    source: str
    state: State


@dataclass(slots=True)
class Overview:
    """All letters of a filter, counted; the newest of them."""

    counts: Counter[Kind] = field(default_factory=Counter)
    newest: list[tuple[Letter, Fate]] = field(default_factory=list)
    unreadable: int = 0


@dataclass(slots=True)
class Chosen:
    """The letters to decide about, oldest first."""

    letters: list[Letter] = field(default_factory=list)
    more: bool = False
    """There are others, which were too many for once."""


def overview(bus: Bus, fates: Fates, wanted: Filter, key: str | None, *, decided: bool, limit: int) -> Overview:
    """Count the letters of a filter.

    Args:
        key: message key of the refused records; None: any.
        decided: also those that somebody has dealt with.
        limit: how many of the newest to return.

    Raises:
        UnknownTopic: the bus has no topics yet.
    """
    reading, found = Reading(bus), Overview()
    newest: list[tuple[int, int, Letter, Fate]] = []
    total = 0
    for letter in _of_key(bus, _of_filter(reading, wanted), key):
        fate = fates.fate(letter.key)
        if decided or fate.is_open:
            total += 1
            found.counts[Kind(letter.reason, letter.place.topic, letter.source, fate.state)] += 1
            if len(newest) < limit:
                heapq.heappush(newest, (letter.key.first_seen_ns, total, letter, fate))
            elif newest and letter.key.first_seen_ns >= newest[0][0]:
                heapq.heapreplace(newest, (letter.key.first_seen_ns, total, letter, fate))
    found.newest = [(letter, fate) for _, _, letter, fate in sorted(newest, key=lambda row: row[:2])]
    found.unreadable = reading.unreadable
    return found


def choose(bus: Bus, fates: Fates, wanted: Filter, key: str | None, *, decided: bool, limit: int = MAX_CHOSEN) -> Chosen:
    """The letters of a filter, or of its names all, at most ``limit`` and ``MAX_CHOSEN_BYTES`` of them. Arguments as of ``overview``."""
    chosen, size = Chosen(), 0
    for letter in _of_key(bus, _of_filter(Reading(bus), wanted), key):
        if not decided and not fates.fate(letter.key).is_open:
            continue
        size += len(letter.encoded)
        if len(chosen.letters) == limit or (size > MAX_CHOSEN_BYTES and chosen.letters):
            chosen.more = True
            break
        chosen.letters.append(letter)
    return chosen


def _of_filter(reading: Reading, wanted: Filter) -> Iterator[Letter]:
    return (letter for letter in reading.letters() if wanted.takes(letter))


def _of_key(bus: Bus, letters: Iterator[Letter], key: str | None) -> Iterator[Letter]:
    """A letter does not hold the key: it is asked of the records, many at once."""
    if key is None:
        yield from letters
        return
    part: list[Letter] = []
    for letter in letters:
        part.append(letter)
        if len(part) == _AT_ONCE:
            yield from _with_key(part, originals(bus, part), key.encode())
            part = []
    yield from _with_key(part, originals(bus, part), key.encode())


def _with_key(letters: list[Letter], found: dict[LetterKey, KeptRecord], key: bytes) -> Iterator[Letter]:
    return (letter for letter in letters if letter.key in found and found[letter.key].key == key)
