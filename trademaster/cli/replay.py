"""``trademaster replay``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError
from trademaster.cli import options

if TYPE_CHECKING:
    from trademaster.replay.run import Progress

EVERY_S = 0.25


def replay(
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Earliest event time; UTC where it names no zone.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Event time before which it ends.")] = None,
    topics: Annotated[
        str | None,
        typer.Option(metavar="TOPIC,...", help="Topics; what came from outside (market.ticks, orders.*, control.*) if left out."),
    ] = None,
    keys: Annotated[str | None, typer.Option(metavar="KEY,...", help="Only records of these message keys, symbols or accounts.")] = None,
    speed: Annotated[str, typer.Option(metavar="FACTOR", help="max, or how many times faster than event time: 1, 60.")] = "max",
    to_bus: Annotated[str | None, typer.Option("--to-bus", metavar="URL", help="Bus to write to.")] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Write to topics whose names begin so, such as replay., of --to-bus or else --bus.")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(metavar="URL", help="Read this archive, such as data/archive or s3://BUCKET/PREFIX, instead of the bus.")
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Write to topics that hold records already.")] = False,
    bus: options.BusUrl = None,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write what happened again: merged by event time, each partition in the order of its offsets.

    Without --to-bus and --prefix it goes to stdout, a JSON object a line, which `trademaster pipe` takes. Of control topics what was in
    force at the beginning comes first. Flows started on the new bus or prefix say what they said, with the same ids: docs/replay.md.

    Example: trademaster replay --from 2012-06-21T13:30 --to 2012-06-21T14:30 --to-bus embedded:data/again
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from schemas.topics import topic as topic_row
    from trademaster.replay.job import Job, run_job
    from trademaster.replay.moments import parse_moment

    names = tuple(topic_row(name).name for name in _listed(topics))
    begin, end = parse_moment("--from", from_), parse_moment("--to", to, is_end=True)
    if begin >= end:
        raise UsageError(f"expected --from before --to, found {from_} and {to}", hint="--to is the first time that is left out")
    job = Job(begin, end, names, frozenset(_listed(keys)), speed, to_bus, prefix, append, archive)
    done = run_job(settings, job, sys.stdout.buffer, None if quiet else _shown())
    if not quiet:
        typer.echo(_text(done), err=True)


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _shown() -> Callable[[Progress], None] | None:
    from trademaster.telemetry.logs import CLEAR_LINE

    if not sys.stderr.isatty():
        return None
    shown_s = -EVERY_S

    def show(state: Progress) -> None:
        nonlocal shown_s
        if state.elapsed_s - shown_s >= EVERY_S:
            shown_s = state.elapsed_s
            typer.echo(CLEAR_LINE + _text(state), err=True, nl=False)

    return show


def _text(state: Progress) -> str:
    from schemas.times import format_time
    from trademaster.telemetry.progress import short

    where = format_time(state.time_ns)[:23].replace("T", " ") if state.time_ns >= 0 else "-"
    rate = state.records / state.elapsed_s if state.elapsed_s else 0.0
    return f"{state.records} records in {state.elapsed_s:.1f} s, {short(rate)}/s, at {where}"


app = options.command(replay)
