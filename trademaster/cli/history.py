"""``trademaster history``."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from trademaster.cli import options
from trademaster.cli.commands import COMMANDS


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A query; tables are topics with _ for the dot, such as market_bars.")],
    format_: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="How rows are printed; json: an object a line.")
    ] = "table",
    archive: Annotated[
        str | None, typer.Option("--archive", metavar="URL", help="A folder, or s3://BUCKET/PREFIX (setting archive.url).")
    ] = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Run an SQL query of DuckDB over the archive and print its rows.

    Tables are only read. Name the date (and the hour) of what is wanted: files of others are not opened. Times are UTC.

    Example: trademaster history query "SELECT symbol, max(high) FROM market_bars WHERE date = '2012-06-21' GROUP BY symbol"
    """
    settings = options.settings_of(config, sets, archive__url=archive)
    from trademaster.history import History
    from trademaster.history_output import print_answer

    print_answer(History(settings.archive.url).query(sql), format_, sys.stdout)


def tables(
    archive: Annotated[
        str | None, typer.Option("--archive", metavar="URL", help="A folder, or s3://BUCKET/PREFIX (setting archive.url).")
    ] = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """List what the archive holds: a line a topic with its table, its files, its bytes and its hours.

    Example: trademaster history tables
    """
    settings = options.settings_of(config, sets, archive__url=archive)
    from trademaster.history import held

    for line in held(settings.archive.url):
        typer.echo(line)


app = options.group(COMMANDS["history"], query, tables)
