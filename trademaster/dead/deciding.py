"""Retries and discards letters: each decision is on ``audit`` before anything is done, and its end after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trademaster.bus.records import append
from trademaster.dead.decisions import Decision, Fate, Fates, Said, State, decide, ended, held, write_decisions
from trademaster.dead.letters import Letter
from trademaster.dead.originals import Refusal, Retries, Retry

AT_ONCE = 1000
"""Letters whose decisions are written, held and ended together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter."""

    letter: Letter
    done: State | None
    """None: nothing was done."""
    retry: Retry | None = None
    refusal: Refusal | None = None


_LATE = Refusal("somebody else decided about it in the meantime", "`trademaster dead show` says who, and what")


def discard(fates: Fates, letters: Sequence[Letter], said: Said, *, again: bool = False, dry_run: bool = False) -> Iterator[Outcome]:
    """Mark letters as dealt with.

    Raises:
        BusError: the bus cannot be reached; what was yielded holds.
    """
    for part in _parts(letters):
        refused = {letter.key: _decided(fates.fate(letter.key), again=again) for letter in part}
        chosen = [letter for letter in part if refused[letter.key] is None]
        rows = [(letter, fates.fate(letter.key), decide(letter, fates.fate(letter.key), "discarded", said)) for letter in chosen]
        holds = _claimed(fates, rows, dry_run=dry_run)
        for letter in part:
            refusal = refused[letter.key] or (None if letter in holds else _LATE)
            yield Outcome(letter, None if refusal else "discarded", None, refusal)


def retry(fates: Fates, letters: Sequence[Letter], said: Said, *, again: bool = False, dry_run: bool = False) -> Iterator[Outcome]:
    """Write the records of letters back to where they came from.

    What is to be done is said first: whoever is stopped in the midst leaves letters as ``retrying``, which nobody retries by accident.

    Raises:
        BusError: the bus cannot be reached; what was yielded holds.
    """
    for part in _parts(letters):
        made = Retries(fates.bus, part)
        planned: dict[Letter, Retry | Refusal] = {
            letter: _decided(fates.fate(letter.key), again=again) or made.of(letter, fates.retries) for letter in part
        }
        rows = [
            (letter, fates.fate(letter.key), decide(letter, fates.fate(letter.key), "retrying", said, plan.content))
            for letter, plan in planned.items()
            if isinstance(plan, Retry)
        ]
        holds = _claimed(fates, rows, dry_run=dry_run)
        if holds and not dry_run:
            append(fates.bus, [plan.record for letter, plan in planned.items() if letter in holds and isinstance(plan, Retry)])
            begun = {letter: fates.fate(letter.key) for letter in holds}
            write_decisions(fates.bus, [(letter, begun[letter], ended(decision)) for letter, decision in holds.items()])
            fates.refresh()
        for letter, plan in planned.items():
            if isinstance(plan, Retry) and letter in holds:
                yield Outcome(letter, "retried", plan)
            else:
                yield Outcome(letter, None, None, plan if isinstance(plan, Refusal) else _LATE)


def _parts(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    return (letters[start : start + AT_ONCE] for start in range(0, len(letters), AT_ONCE))


def _claimed(fates: Fates, rows: list[tuple[Letter, Fate, Decision]], *, dry_run: bool) -> dict[Letter, Decision]:
    """Write decisions; those that hold."""
    if not rows or dry_run:
        return {letter: decision for letter, _, decision in rows}
    write_decisions(fates.bus, rows)
    holds = held(fates, [decision for _, _, decision in rows])
    return {letter: decision for (letter, _, decision), ours in zip(rows, holds, strict=True) if ours}


def _decided(fate: Fate, *, again: bool) -> Refusal | None:
    """Why nobody should decide about a letter that stands like this."""
    if fate.state == "open" or again:
        return None
    last = fate.history[-1]
    who = f"by {last.user}" if last.user else "by somebody"
    if fate.state == "retrying":
        return Refusal(
            f"a retry was begun {who}, and how it ended is not known: the record may have been written",
            "look for it on its topic; then `trademaster dead retry --again`, or `trademaster dead discard --again`",
        )
    return Refusal(f"it was {fate.state} {who} already", "--again does it once more")
