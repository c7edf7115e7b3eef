"""``trademaster control``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UsageError
from trademaster.cli import options
from trademaster.cli.commands import COMMANDS


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to read: .yaml, .json, .csv or .jsonl.")],
    bus: options.BusUrl = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="What the rows are: accounts, instruments, limits or actions; recognised if left out."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="Time of the events, and of actions that have none, such as 2026-01-02; else now."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and write nothing.")] = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write the accounts, instruments, limits and actions of a file to control.*; print the topics and how many events each got.

    YAML has the keys accounts, instruments, limits and actions, each with a list of entries; a table has a row an entry, and its
    columns are fields. If anything is wrong, all of it is said and nothing is written. Loading a file twice changes nothing.

    Example: trademaster control load book.yaml --bus kafka://localhost:9092
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from trademaster.control_files import read_control_file
    from trademaster.control_load import control_events, parse_moment, write_events

    try:
        as_of_ns = None if as_of is None else parse_moment(as_of)
    except ValueError as error:
        raise UsageError(f"--as-of: {error}", hint="write for example --as-of 2026-01-02 or 2026-01-02T15:04:05Z") from None
    events = control_events(read_control_file(file, kind), source=file.name, now_ns=time.time_ns(), as_of_ns=as_of_ns)
    if not events:
        raise UsageError(f"{file.name}: expected an entry at least, found none")
    if not dry_run:
        from trademaster.bus import open_bus
        from trademaster.topic_settings import topic_settings

        opened = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
        try:
            if settings.bus.url.startswith("embedded:"):
                opened.create(topic_settings(settings))
            write_events(opened, events)
        finally:
            opened.close()
    for topic, found in events.items():
        typer.echo(f"{topic} {len(found)}")
    if dry_run:
        typer.echo("nothing was written: --dry-run", err=True)


app = options.group(COMMANDS["control"], load)
