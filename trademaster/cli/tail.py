"""``trademaster tail``."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from trademaster.cli import options


def tail(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Topic to read, such as market.bars.")],
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only records with this message key.")] = None,
    from_: Annotated[Literal["beginning", "end"], typer.Option("--from", help="Where to start.")] = "end",
    limit: Annotated[int | None, typer.Option(min=0, metavar="N", help="Stop after so many records.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for new records, or stop at the present end.")] = True,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Print the records of a topic, a JSON object a line.

    A line is {"topic", "partition", "offset", "time", "key", "value"}; value is null for a tombstone, and a text where the
    record is no JSON. Runs until Ctrl-C, or as --limit and --no-follow say.

    Example: trademaster tail risk.alerts --from beginning --no-follow | jq .value.payload
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from schemas.topics import topic as topic_row
    from trademaster.bus import open_bus
    from trademaster.tail import records

    name = topic_row(topic).name
    opened = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    try:
        for line in records(opened, name, from_end=from_ == "end", key=key, limit=limit, follow=follow):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    finally:
        opened.close()


app = options.command(tail)
