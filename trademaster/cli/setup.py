"""``trademaster setup``."""

from __future__ import annotations

from typing import Annotated

import typer

from trademaster.cli import options
from trademaster.cli.commands import COMMANDS


def influxdb(
    url: Annotated[str | None, typer.Option(metavar="URL", help="Address of the server (setting influxdb.url).")] = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Make the buckets, their retention and the tasks that keep a point a minute for the long run; print each.

    Done again it changes only what is not as the settings say. The token is set as TRADEMASTER_INFLUXDB__TOKEN.
    """
    settings = options.settings_of(config, sets, influxdb__url=url)
    from trademaster.influxdb_setup import set_up

    for line in set_up(settings.influxdb):
        typer.echo(line)


def records(
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/DATABASE (setting records.url).")
    ] = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Make or migrate the tables of the records; print from which step to which.

    `trademaster run records` does the same when it starts; this is for a user of the database who may make tables where that one may not.

    Example: trademaster setup records --url postgresql://owner@localhost:5432/trademaster
    """
    settings = options.settings_of(config, sets, records__url=url)
    from sinks.records.schema import HEAD
    from sinks.sql import prepare_records

    before = prepare_records(settings.records.url)
    typer.echo(f"records {before or 'none'} -> {HEAD}")


app = options.group(COMMANDS["setup"], influxdb, records)
