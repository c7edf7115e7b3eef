"""Letters, counts and outcomes as JSON lines and as text."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas.kept_records import KeptRecord
from schemas.times import format_time
from trademaster.dead.choosing import Kind, Overview
from trademaster.dead.deciding import Outcome
from trademaster.dead.decisions import Fate
from trademaster.dead.letters import Letter
from trademaster.dead.originals import refused_bytes

_DETAIL = 70
"""Characters of a detail in a table; `show` and `--json` have all of it."""


def letter_object(letter: Letter, fate: Fate) -> dict[str, Any]:
    """A letter as ``list --json`` has it."""
    return {
        "letter": letter.where,
        "eventId": letter.id,
        "topic": letter.place.topic,
        "partition": letter.place.partition,
        "offset": letter.place.offset,
        "index": letter.index,
        "reason": letter.reason,
        "source": letter.source,
        "firstSeen": letter.first_seen,
        "state": fate.state,
        "detail": letter.detail,
    }


def shown_object(letter: Letter, fate: Fate, original: KeptRecord | None) -> dict[str, Any]:
    """A letter as ``show --json`` has it: with its record, as far as that is kept, and what was decided."""
    return {
        **letter_object(letter, fate),
        "key": _text(original.key) if original else None,
        "headers": [[name, _text(value)] for name, value in original.headers] if original else None,
        "appended": format_time(original.timestamp_ms * 1_000_000) if original and original.timestamp_ms >= 0 else None,
        "payload": _text(refused_bytes(letter, original)),
        "decisions": [
            {
                "state": decision.state,
                "time": format_time(decision.time_ns),
                "user": decision.user,
                "reason": decision.reason,
            }
            for decision in fate.history
        ],
    }


def overview_objects(found: Overview) -> Iterator[dict[str, Any]]:
    """A line each: counts, then letters."""
    for kind, count in _by_count(found.counts):
        yield {
            "kind": "count",
            "reason": kind.reason,
            "topic": kind.topic,
            "source": kind.source,
            "state": kind.state,
            "letters": count,
        }
    for letter, fate in found.newest:
        yield {"kind": "letter", **letter_object(letter, fate)}


def overview_lines(found: Overview) -> Iterator[str]:
    """Two tables: counts by reason, the newest letters."""
    if not found.counts:
        yield "no letters"
        return
    counts = [(kind.reason, kind.topic, kind.source, kind.state, str(count)) for kind, count in _by_count(found.counts)]
    yield from _table(("REASON", "TOPIC", "SOURCE", "STATE", "LETTERS"), counts)
    if found.newest:
        yield ""
        rows = [
            (letter.where, letter.reason, letter.source, letter.first_seen[:23] + "Z", fate.state, _short(letter.detail))
            for letter, fate in found.newest
        ]
        yield from _table(("LETTER", "REASON", "SOURCE", "FIRST SEEN", "STATE", "DETAIL"), rows)


def shown_lines(letter: Letter, fate: Fate, original: KeptRecord | None) -> Iterator[str]:
    """All of a letter, a line a field."""
    yield letter.where
    fields = {
        "event id": letter.id,
        "reason": letter.reason,
        "detail": letter.detail,
        "source": letter.source,
        "first seen": letter.first_seen,
        "state": fate.state,
    }
    for name, value in fields.items():
        yield f"  {name:<11} {value}"
    if original is None:
        yield f"  {'record':<11} " + ("a row of a file" if letter.is_of_a_file else "not kept any more, or another one")
    else:
        yield f"  {'key':<11} {_text(original.key)}"
        for header, content in original.headers:
            yield f"  {'header':<11} {header}: {_text(content)}"
    for decision in fate.history:
        why = f": {decision.reason}" if decision.reason else ""
        yield f"  {'decision':<11} {decision.state} {format_time(decision.time_ns)} by {decision.user}{why}"
    yield f"  {'payload':<11} {_text(refused_bytes(letter, original))}"


def outcome_object(outcome: Outcome) -> dict[str, Any]:
    """What became of a letter."""
    record = outcome.retry.record if outcome.retry else None
    return {
        "letter": outcome.letter.where,
        "eventId": outcome.letter.id,
        "done": outcome.done,
        **({"topic": record.place.topic, "partition": record.place.partition, "key": _text(record.key)} if record else {}),
        **({"refused": outcome.refusal.why, "hint": outcome.refusal.hint} if outcome.refusal else {}),
    }


def outcome_line(outcome: Outcome) -> str:
    """The same as text."""
    if outcome.retry is not None:
        return f"{outcome.done} {outcome.letter.where} to {outcome.retry.record.place.topic}-{outcome.retry.record.place.partition}"
    return f"{outcome.done} {outcome.letter.where}"


def choice_lines(letters: Sequence[Letter]) -> Iterator[str]:
    """What is about to be decided about, before somebody says yes."""
    counts = Counter((letter.reason, letter.place.topic, letter.source) for letter in letters)
    yield from _table(("REASON", "TOPIC", "SOURCE", "LETTERS"), [(*kind, str(count)) for kind, count in counts.most_common()])


def _by_count(counts: Counter[Kind]) -> list[tuple[Kind, int]]:
    return sorted(counts.items(), key=lambda row: (-row[1], row[0].reason, row[0].topic, row[0].source, row[0].state))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = [heads, *rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _DETAIL else line[: _DETAIL - 3] + "..."


def _text(value: bytes | None) -> str | None:
    """UTF-8, or what is none in base64 behind ``base64:``."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode("ascii")
