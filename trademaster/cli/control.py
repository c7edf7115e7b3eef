"""``trademaster control``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import UsageError
from trademaster.cli import options
from trademaster.cli.commands import COMMANDS

if TYPE_CHECKING:
    from trademaster.control_load import Events
    from trademaster.settings import Settings


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to read: .yaml, .json, .csv or .jsonl.")],
    bus: options.BusUrl = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", metavar="KIND", help="What the rows are: accounts, instruments, limits, trading, actions; recognised if left out."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="Time of the events, and of actions that have none, such as 2026-01-02; else now."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and write nothing.")] = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write the accounts, instruments, limits, trading states and actions of a file to control.*; print how many events each topic got.

    YAML has the keys accounts, instruments, limits, trading and actions, each with a list of entries; a table has a row an entry, and its
    columns are fields. If anything is wrong, all of it is said and nothing is written. Loading a file twice changes nothing.

    Example: trademaster control load book.yaml --bus kafka://localhost:9092
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from trademaster.control_files import read_control_file
    from trademaster.control_load import control_events, parse_moment

    try:
        as_of_ns = None if as_of is None else parse_moment(as_of)
    except ValueError as error:
        raise UsageError(f"--as-of: {error}", hint="write for example --as-of 2026-01-02 or 2026-01-02T15:04:05Z") from None
    events = control_events(read_control_file(file, kind), source=file.name, now_ns=time.time_ns(), as_of_ns=as_of_ns)
    if not events:
        raise UsageError(f"{file.name}: expected an entry at least, found none")
    if not dry_run:
        _write(settings, events)
    for topic, found in events.items():
        typer.echo(f"{topic} {len(found)}")
    if dry_run:
        typer.echo("nothing was written: --dry-run", err=True)


def trading(
    state: Annotated[str, typer.Argument(metavar="STATE", help="ACTIVE, REDUCING or HALTED.")],
    firm: Annotated[bool, typer.Option("--firm", help="Of all accounts; the stricter of the firm's and an account's state holds.")] = False,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Of one account.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it stands with every refusal.")] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who says so; else the user of this machine.")] = None,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """The kill switch: let the firm or an account trade, only reduce its positions, or halt it; print what was written.

    HALTED refuses new orders and cancels the open ones; REDUCING takes only orders that reduce a position; ACTIVE takes all.

    Example: trademaster control trading HALTED --firm --reason "feed is wrong"
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from getpass import getuser
    from typing import cast, get_args, get_type_hints

    from schemas.control import Trading
    from trademaster.control_load import trading_event

    states = get_args(get_type_hints(Trading)["state"])
    if state.upper() not in states:
        raise UsageError(f"expected one of {', '.join(states)}, found {state!r}")
    if firm == (account is not None):
        raise UsageError(
            "expected either --firm or --account NAME, found " + ("both" if firm else "neither"), hint="--firm means all accounts"
        )
    said = Trading("firm" if firm else "account", cast("Any", state.upper()), account, reason, user or getuser())
    _write(settings, trading_event(said, time.time_ns()))
    typer.echo(f"{account or 'firm'} {said.state}")


def _write(settings: Settings, events: Events) -> None:
    from trademaster.bus import open_bus
    from trademaster.control_load import write_events
    from trademaster.topic_settings import topic_settings

    opened = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    try:
        if settings.bus.url.startswith("embedded:"):
            opened.create(topic_settings(settings))
        write_events(opened, events)
    finally:
        opened.close()


app = options.group(COMMANDS["control"], load, trading)
