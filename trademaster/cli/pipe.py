"""``trademaster pipe``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from trademaster.cli import options


def pipe(
    flows: Annotated[list[str], typer.Argument(metavar="FLOW", help="Flows to run, such as market.")],
    input_: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Read .jsonl, .csv, .csv.gz or .parquet instead of JSON lines on stdin."),
    ] = None,
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="Topic of rows, and of lines that are bare values.")] = "market.ticks",
    columns: options.Columns = None,
    price_scale: options.PriceScale = None,
    symbol: options.Symbol = None,
    time_format: options.TimeFormat = None,
    time_zone: options.TimeZone = "UTC",
    no_header: options.NoHeader = False,
    delimiter: options.Delimiter = None,
    account: options.Account = None,
    venue: options.Venue = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Run flows as a filter: records in on stdin or from a file, events out on stdout.

    A line is {"topic": ..., "value": ...}, in and out; an input value may be a bare payload. The same input gives the same
    output each time. Bad records become events on dead.letters, which stderr counts at the end, and the exit code stays 0.

    Example: trademaster pipe market --input trades.csv --symbol AMZN --set market.intervals=4s > out.jsonl
    """
    from schemas.topics import topic as topic_row

    table = options.table_of(columns, price_scale, symbol, time_format, time_zone, no_header, delimiter, account, venue)
    name = topic_row(topic).name
    settings = options.settings_of(config, sets)
    from trademaster.kernels import ensure_compiled

    ensure_compiled(partial(typer.echo, err=True))
    from trademaster.pipe_input import run_pipe_over

    source = input_ if input_ is not None else sys.stdin.buffer
    written = run_pipe_over(settings, flows, source, sys.stdout.buffer, topic=name, table=table)
    dead = written.get("dead.letters", 0)
    if dead:
        typer.echo(f"{dead} dead letters among {sum(written.values())} events: their payload.reason and payload.detail say why", err=True)


app = options.command(pipe)
