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
OrderFile = Annotated[Path, typer.Argument(metavar="FILE", help="File to read, plain or in gzip; - is stdin.")]
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


def fills(
    file: OrderFile,
    bus: options.BusUrl = None,
    columns: options.Columns = None,
    account: options.Account = None,
    symbol: options.Symbol = None,
    venue: options.Venue = None,
    price_scale: options.PriceScale = None,
    time_format: options.TimeFormat = None,
    time_zone: options.TimeZone = "UTC",
    no_header: options.NoHeader = False,
    delimiter: options.Delimiter = None,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write the fills of a table (CSV, Parquet) or of JSON lines to orders.events.

    Columns are recognised by their names. Sides are buy, sell, B, S, BOT, SLD; without a side a quantity below 0 is a sale.
    The same fills make the same events, whichever file they come from.

    Example: trademaster ingest fills fills.csv --account A1 --columns executionId=ID,price=Price,quantity=Qty
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    table = options.table_of(columns, price_scale, symbol, time_format, time_zone, no_header, delimiter, account, venue)
    from sources.fill_files import read_fills

    source = sys.stdin.buffer if str(file) == "-" else file
    with _feed(settings, file.name, "max", "0s", 1, quiet) as feed:
        feed.lines(read_fills(source, table))


def fix(
    file: OrderFile,
    bus: options.BusUrl = None,
    account: options.Account = None,
    symbol: options.Symbol = None,
    venue: options.Venue = None,
    ignore_checksum: Annotated[bool, typer.Option("--ignore-checksum", help="Take messages with a wrong checksum, or none.")] = False,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write the execution reports of a FIX log to orders.events.

    Messages (8=FIX... to 10=...) may follow a timestamp in their line; fields are delimited by SOH, | or ^A. An order keeps its first
    ClOrdID as its id when it is replaced. Other messages are passed over.

    Example: trademaster ingest fix FIX.4.4-BROKER.messages.log --account A1
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from sources.fix import FixLog
    from sources.reports import read_reports

    source = sys.stdin.buffer if str(file) == "-" else file
    log = FixLog(account, symbol, venue, checksum=not ignore_checksum)
    with _feed(settings, file.name, "max", "0s", 1, quiet) as feed:
        feed.lines(read_reports(source, log.translate))
        _require_reports(feed, file, "execution reports (8=FIX..., 35=8)")


def alpaca(
    file: OrderFile,
    bus: options.BusUrl = None,
    account: options.Account = None,
    venue: options.Venue = None,
    quiet: options.Quiet = False,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Write Alpaca's trade updates, as recorded, to orders.events.

    A line is a message {"stream": "trade_updates", "data": ...}, its data alone, or an array of them. An order keeps its first
    client_order_id as its id when it is replaced. Other streams are passed over.

    Example: trademaster ingest alpaca updates.jsonl --account PA123
    """
    settings = options.settings_of(config, sets, bus__url=bus)
    from sources.alpaca import AlpacaStream
    from sources.reports import read_reports

    source = sys.stdin.buffer if str(file) == "-" else file
    stream = AlpacaStream(account, venue)
    with _feed(settings, file.name, "max", "0s", 1, quiet) as feed:
        feed.lines(read_reports(source, stream.translate))
        _require_reports(feed, file, "messages of trade_updates")


def _require_reports(feed: Ingest, file: Path, expected: str) -> None:
    if not feed.state.events and not feed.state.rejected:
        raise UsageError(
            f"{file.name}: expected {expected}, found none",
            hint="nothing was written; orders, heartbeats and answers about an order's status are no reports of what happened",
        )


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


app = options.group(COMMANDS["ingest"], csv, parquet, jsonl, fills, fix, alpaca, simulate)
