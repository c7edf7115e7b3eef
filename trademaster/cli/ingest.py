"""``trademaster ingest``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError
from trademaster.cli import options
from trademaster.cli.commands import COMMANDS

if TYPE_CHECKING:
    from trademaster.ingest import Ingest, Progress
    from trademaster.settings import Settings

File = Annotated[Path, typer.Argument(metavar="FILE", help="File to read.")]
Speed = Annotated[str, typer.Option("--speed", metavar="FACTOR", help="max, or how many times faster than event time: 1, 10.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Most ticks a record: 1 is a record each, more is an array.")]
EndAfter = Annotated[
    str,
    typer.Option(
        "--end-after",
        metavar="TIME",
        help="At the end say that nothing earlier than the last tick plus TIME follows: its bars close. 0s: no.",
    ),
]
Topic = Annotated[str, typer.Option("--topic", metavar="TOPIC", help="Topic to write to.")]


def csv(
    file: File,
    bus: options.BusUrl = None,
    topic: Topic = "market.ticks",
    columns: options.Columns = None,
    price_scale: options.PriceScale = None,
    symbol: options.Symbol = None,
    time_format: options.TimeFormat = None,
    time_zone: options.TimeZone = "UTC",
    no_header: options.NoHeader = False,
    delimiter: options.Delimiter = None,
    speed: Speed = "max",
    end_after: EndAfter = "1m",
    batch: Batch = 1,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write the rows of a CSV file, plain or in gzip.

    Example: trademaster ingest csv trades.csv --columns timestamp=Time,price=Price,size=Volume --symbol AMZN --speed 10
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    table = options.table_of(columns, price_scale, symbol, time_format, time_zone, no_header, delimiter)
    name = _topic(topic)
    from sources import csv as reader

    with _feed(settings, file.name, speed, end_after, batch, quiet) as feed:
        if name == "market.ticks":
            feed.ticks(reader.read_ticks(file, table))
        else:
            feed.payloads(reader.read_payloads(file, name, table), name)


def parquet(
    file: File,
    bus: options.BusUrl = None,
    topic: Topic = "market.ticks",
    columns: options.Columns = None,
    price_scale: options.PriceScale = None,
    symbol: options.Symbol = None,
    time_format: options.TimeFormat = None,
    time_zone: options.TimeZone = "UTC",
    speed: Speed = "max",
    end_after: EndAfter = "1m",
    batch: Batch = 1,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write the rows of a Parquet file.

    Example: trademaster ingest parquet trades.parquet --bus kafka://localhost:9092 --batch 20
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    table = options.table_of(columns, price_scale, symbol, time_format, time_zone, no_header=False)
    name = _topic(topic)
    from sources import parquet as reader

    with _feed(settings, file.name, speed, end_after, batch, quiet) as feed:
        if name == "market.ticks":
            feed.ticks(reader.read_ticks(file, table))
        else:
            feed.payloads(reader.read_payloads(file, name, table), name)


def jsonl(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to read; - is stdin.")],
    bus: options.BusUrl = None,
    topic: Annotated[str, typer.Option("--topic", metavar="TOPIC", help="Topic of lines that are bare values.")] = "market.ticks",
    speed: Speed = "max",
    end_after: EndAfter = "1m",
    batch: Batch = 1,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write lines of JSON: {"topic": ..., "value": ...}, or bare values of --topic.

    Example: trademaster pipe market --input trades.csv --symbol AMZN | trademaster ingest jsonl - --bus kafka://localhost:9092
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    name = _topic(topic)
    from sources.jsonl import read_lines

    source = sys.stdin.buffer if str(file) == "-" else file
    with _feed(settings, file.name, speed, end_after, batch, quiet) as feed:
        feed.lines(read_lines(source, name))


def simulate(
    bus: options.BusUrl = None,
    symbols: Annotated[int, typer.Option(min=1, metavar="N", help="Symbols; activity is Zipf, prices are correlated.")] = 1000,
    rate: Annotated[float, typer.Option(min=0.001, metavar="N", help="Ticks a second of event time.")] = 100_000.0,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed makes the same ticks.")] = 7,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after so many ticks.")] = None,
    duration: Annotated[str | None, typer.Option(metavar="TIME", help="Stop after so much event time, such as 30s.")] = None,
    speed: Speed = "1",
    end_after: EndAfter = "0s",
    batch: Batch = 1,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write ticks of a market that was never there, until Ctrl-C or as --limit and --duration say.

    Example: trademaster ingest simulate --symbols 1000 --rate 100000 --seed 7 --duration 1m
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    seconds = options.parse_duration_s("--duration", duration)
    counts = [count for count in (limit, None if seconds is None else int(seconds * rate)) if count is not None]
    from sources.simulator import Simulator

    market = Simulator(symbols, rate, seed)
    with _feed(settings, "simulator", speed, end_after, batch, quiet) as feed:
        feed.ticks(market.blocks(min(counts) if counts else None))


def _topic(name: str) -> str:
    from schemas.topics import topic

    return topic(name).name


@contextmanager
def _feed(settings: Settings, source: str, speed: str, end_after: str, batch: int, quiet: bool) -> Iterator[Ingest]:
    """An open feed into the bus; at its end it says on stderr what was written."""
    from trademaster.bus import open_bus
    from trademaster.ingest import Ingest, parse_speed
    from trademaster.topic_settings import topic_settings

    factor = parse_speed(speed)
    end_after_s = options.parse_duration_s("--end-after", end_after) or 0.0
    bus = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    try:
        if settings.bus.url.startswith("embedded:"):
            bus.create(topic_settings(settings))
        writer = bus.writer()
        try:
            feed = Ingest(
                writer,
                bus,
                source=source,
                speed=factor,
                batch=batch,
                end_after_ns=int(end_after_s * 1e9),
                progress=None if quiet else _shown(),
            )
            yield feed
        finally:
            writer.close()
    finally:
        bus.close()
    if feed.state.events == 0 and feed.state.rejected:
        raise UsageError(
            f"{source}: expected at least one usable row, found {feed.state.rejected} bad ones",
            hint="`trademaster tail dead.letters --from beginning --no-follow` shows why",
        )
    if not quiet:
        typer.echo(_text(feed.state), err=True)


def _shown() -> Callable[[Progress], None] | None:
    from trademaster.telemetry.logs import CLEAR_LINE

    if not sys.stderr.isatty():
        return None
    return lambda state: typer.echo(CLEAR_LINE + _text(state), err=True, nl=False)


def _text(state: Progress) -> str:
    from trademaster.telemetry.progress import short

    return f"{state.events} events in {state.elapsed_s:.1f} s, {short(state.rate)}/s, {state.records} records, {state.rejected} rejected"


app = options.group(COMMANDS["ingest"], csv, parquet, jsonl, simulate)
