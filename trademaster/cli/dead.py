"""``trademaster dead``."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError
from trademaster.cli import options
from trademaster.cli.commands import COMMANDS

if TYPE_CHECKING:
    from schemas.bus import Bus
    from trademaster.dead.deciding import Outcome
    from trademaster.dead.decisions import Fates, Said
    from trademaster.dead.letters import Filter, Letter

Letters = Annotated[
    list[str] | None, typer.Argument(metavar="LETTER", help="Letters as `dead list` names them, such as market.ticks-0-17, or event ids.")
]
Topic = Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="Only letters that came from this topic.")]
RejectedFor = Annotated[
    list[str] | None, typer.Option("--rejected-for", metavar="REASON", help="Only letters of this reason, such as late; repeatable.")
]
Source = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only letters of this flow, such as market.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only letters first seen then or later, such as 2026-01-02.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only letters first seen before.")]
Key = Annotated[str | None, typer.Option("--key", metavar="KEY", help="Only letters whose records, still kept, had this message key.")]
Json = Annotated[bool, typer.Option("--json", help="A JSON object a line.")]
Why = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it stands with the decision.")]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who says so; else the user of this machine.")]
Again = Annotated[bool, typer.Option("--again", help="Also letters about which somebody has decided already.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deciding about several letters.")]
Most = Annotated[int, typer.Option("--limit", min=1, max=100_000, metavar="N", help="Decide about so many at most, the oldest first.")]


def list_(
    topic: Topic = None,
    rejected_for: RejectedFor = None,
    source: Source = None,
    from_: From = None,
    to: To = None,
    key: Key = None,
    all_: Annotated[bool, typer.Option("--all", help="Also letters that were retried or discarded.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Show so many of the newest letters.")] = 20,
    json: Json = False,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Count open dead letters by reason, topic and flow, and show the newest.

    A letter is open until it is retried or discarded. One that is `retrying` is being written back just now, or somebody was
    stopped while he did.

    Example: trademaster dead list --rejected-for late --from 2026-01-02
    """
    wanted = _filter(None, topic, rejected_for, source, from_, to)
    with _opened(config, sets, bus) as (opened, fates):
        from trademaster.dead.choosing import overview
        from trademaster.dead.telling import overview_lines, overview_objects

        found = overview(opened, fates, wanted, key, decided=all_, limit=limit)
    for line in (jsonlib.dumps(each, ensure_ascii=False) for each in overview_objects(found)) if json else overview_lines(found):
        typer.echo(line)
    if found.unreadable:
        typer.echo(f"{found.unreadable} records on dead.letters are no letters: `trademaster tail dead.letters` has them", err=True)


def show(
    letters: Annotated[list[str], typer.Argument(metavar="LETTER...", help="Letters as `dead list` names them, or event ids.")],
    payload: Annotated[bool, typer.Option("--payload", help="Print what was refused, byte for byte, and nothing else.")] = False,
    json: Json = False,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Print all of a letter: what was refused and why, the key and headers of its record, and what was decided about it.

    Example: trademaster dead show market.ticks-0-17 --payload > bad.json
    """
    wanted = _filter(letters, None, None, None, None, None)
    with _opened(config, sets, bus) as (opened, fates):
        from trademaster.dead.choosing import choose
        from trademaster.dead.originals import originals, refused_bytes
        from trademaster.dead.telling import shown_lines, shown_object

        found = choose(opened, fates, wanted, None, decided=True).letters
        _require(letters, found)
        kept = originals(opened, found)
        for letter in found:
            fate, record = fates.fate(letter.key), kept.get(letter.key)
            if payload:
                sys.stdout.buffer.write(refused_bytes(letter, record))
                sys.stdout.buffer.flush()
            elif json:
                typer.echo(jsonlib.dumps(shown_object(letter, fate, record), ensure_ascii=False))
            else:
                for line in shown_lines(letter, fate, record):
                    typer.echo(line)


def retry(
    letters: Letters = None,
    topic: Topic = None,
    rejected_for: RejectedFor = None,
    source: Source = None,
    from_: From = None,
    to: To = None,
    key: Key = None,
    reason: Why = None,
    user: User = None,
    again: Again = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    limit: Most = 10_000,
    json: Json = False,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write refused records back to the topic they came from, with the same key, partition, bytes and headers.

    On Kafka the header trademaster-retry counts how often that was done. Of an array of ticks only the refused one is written.
    What stands behind the record by now has been read: a retry comes after it. Exit code 1 if a letter could not be retried.

    Example: trademaster dead retry --source portfolio --rejected-for orphan --reason "instrument was missing" --yes
    """
    wanted = _filter(letters, topic, rejected_for, source, from_, to)
    _require_choice(letters, wanted, key)
    with _opened(config, sets, bus) as (opened, fates):
        from trademaster.dead import deciding

        chosen = _chosen(opened, fates, wanted, key, letters, again=again, limit=limit)
        _confirm("retry", chosen, yes=yes or dry_run)
        _tell(deciding.retry(fates, chosen, _said(user, reason), again=again, dry_run=dry_run), json=json, dry_run=dry_run)


def discard(
    letters: Letters = None,
    topic: Topic = None,
    rejected_for: RejectedFor = None,
    source: Source = None,
    from_: From = None,
    to: To = None,
    key: Key = None,
    reason: Why = None,
    user: User = None,
    again: Again = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    limit: Most = 10_000,
    json: Json = False,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Mark letters as dealt with. They stay on dead.letters, and `dead list --all` shows them; the decision stands on audit.

    Example: trademaster dead discard market.ticks-0-17 --reason "the venue sent a test"
    """
    wanted = _filter(letters, topic, rejected_for, source, from_, to)
    _require_choice(letters, wanted, key)
    with _opened(config, sets, bus) as (opened, fates):
        from trademaster.dead import deciding

        chosen = _chosen(opened, fates, wanted, key, letters, again=again, limit=limit)
        _confirm("discard", chosen, yes=yes or dry_run)
        _tell(deciding.discard(fates, chosen, _said(user, reason), again=again, dry_run=dry_run), json=json, dry_run=dry_run)


@contextmanager
def _opened(config: options.Config, sets: options.Sets, bus: str | None) -> Iterator[tuple[Bus, Fates]]:
    """The bus, and what was decided so far."""
    settings = options.settings_of(config, sets, bus__url=bus)
    from trademaster.bus import open_bus
    from trademaster.dead.decisions import Fates

    opened = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    try:
        fates = Fates(opened)
        fates.refresh()
        yield opened, fates
    finally:
        opened.close()


def _filter(
    names: list[str] | None, topic: str | None, reasons: list[str] | None, source: str | None, from_: str | None, to: str | None
) -> Filter:
    from schemas.dead_letters import Reason
    from trademaster.dead.letters import Filter

    strangers = sorted(set(reasons or ()) - {str(reason) for reason in Reason})
    if strangers:
        raise UsageError(f"--rejected-for: expected a reason, found {strangers[0]!r}", hint="the reasons are: " + ", ".join(Reason))
    return Filter(topic, frozenset(reasons or ()), source, _moment("--from", from_), _moment("--to", to), frozenset(names or ()))


def _moment(option: str, text: str | None) -> int | None:
    from trademaster.control_load import parse_moment

    try:
        return None if text is None else parse_moment(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}", hint=f"write for example {option} 2026-01-02 or 2026-01-02T15:04:05Z") from None


def _require_choice(names: list[str] | None, wanted: Filter, key: str | None) -> None:
    from trademaster.dead.letters import Filter

    if not names and key is None and wanted == Filter():
        raise UsageError("expected letters or a filter, found neither", hint="`trademaster dead list` shows what is there")


def _require(names: list[str], found: list[Letter]) -> None:
    known = {name for letter in found for name in (letter.where, letter.id)}
    missing = [name for name in names if name not in known]
    if missing:
        raise UsageError(
            f"expected letters, found none that is called {', '.join(missing[:5])}", hint="`trademaster dead list --all` shows their names"
        )


def _chosen(bus: Bus, fates: Fates, wanted: Filter, key: str | None, names: list[str] | None, *, again: bool, limit: int) -> list[Letter]:
    """The letters to decide about; those that were named also if somebody has decided, so that they are refused aloud."""
    from trademaster.dead.choosing import choose

    chosen = choose(bus, fates, wanted, key, decided=again or bool(names), limit=limit)
    if names and wanted.topic is None and wanted.source is None and key is None and not wanted.reasons:
        _require(names, chosen.letters)
    if not chosen.letters:
        typer.echo("no letters", err=True)
    if chosen.more:
        typer.echo(f"there are more than the oldest {len(chosen.letters)}, which are dealt with now: run it again for the rest", err=True)
    return chosen.letters


def _confirm(verb: str, letters: list[Letter], *, yes: bool) -> None:
    """Several letters are decided about only by somebody who has seen how many."""
    from trademaster.dead.telling import choice_lines

    if yes or len(letters) < 2:
        return
    for line in choice_lines(letters):
        typer.echo(line, err=True)
    if not sys.stdin.isatty():
        raise UsageError(f"expected --yes to {verb} {len(letters)} letters, found nobody to ask", hint="--dry-run shows each of them")
    typer.confirm(f"{verb} {len(letters)} letters?", abort=True, err=True)


def _said(user: str | None, reason: str | None) -> Said:
    from getpass import getuser

    from trademaster.dead.decisions import Said

    return Said(user or getuser(), reason)


def _tell(outcomes: Iterator[Outcome], *, json: bool, dry_run: bool) -> None:
    from trademaster.dead.telling import outcome_line, outcome_object

    refused = False
    for outcome in outcomes:
        refused |= outcome.refusal is not None
        if json:
            typer.echo(jsonlib.dumps(outcome_object(outcome), ensure_ascii=False))
        elif outcome.refusal is None:
            typer.echo(outcome_line(outcome))
        else:
            typer.echo(f"error: {outcome.letter.where}: {outcome.refusal.why}\nhint: {outcome.refusal.hint}", err=True)
    if dry_run:
        typer.echo("nothing was written: --dry-run", err=True)
    if refused:
        raise typer.Exit(1)


app = options.group(COMMANDS["dead"], list_, show, retry, discard)
