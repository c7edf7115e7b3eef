"""Options that several commands share, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import UsageError

if TYPE_CHECKING:
    from sources.columns import TableOptions
    from trademaster.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings to read instead of trademaster.toml here, or TRADEMASTER_CONFIG."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set anything, such as market.intervals=4s; repeatable; wins over all else."),
]
BusUrl = Annotated[str | None, typer.Option("--bus", metavar="URL", help="embedded:FOLDER or kafka://HOST:PORT (setting bus.url).")]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="FIELD=COLUMN,...", help="Which column holds what: timestamp=Time,price=Price,size=Volume."),
]
PriceScale = Annotated[
    str | None, typer.Option("--price-scale", metavar="NUMBER", help="Multiply prices by it: 0.0001 for ten-thousandths of a dollar.")
]
Symbol = Annotated[str | None, typer.Option("--symbol", metavar="NAME", help="Symbol of every row, where the table has no such column.")]
TimeFormat = Annotated[
    str | None, typer.Option("--time-format", metavar="FORMAT", help="ns, us, ms, s, or a strptime format; recognised if left out.")
]
TimeZone = Annotated[str, typer.Option("--time-zone", metavar="ZONE", help="Zone of dates that name none, such as America/New_York.")]
NoHeader = Annotated[bool, typer.Option("--no-header", help="The table's first line is data; columns are called 1, 2, ...")]
Delimiter = Annotated[str | None, typer.Option("--delimiter", metavar="CHAR", help="What parts columns; recognised if left out.")]
Account = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Account of reports on orders.events that name none.")]
Venue = Annotated[str | None, typer.Option("--venue", metavar="NAME", help="Venue of reports on orders.events that name none.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No line of progress.")]


def command(function: Callable[..., None]) -> typer.Typer:
    """An app of one command."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(function)
    return app


def group(help_text: str, *functions: Callable[..., None]) -> typer.Typer:
    """An app of several commands, called as the functions are, with a trailing underscore dropped."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True)
    app.callback(help=help_text)(_nothing)
    for function in functions:
        app.command(function.__name__.rstrip("_"))(function)
    return app


def _nothing() -> None:
    """A group does nothing by itself."""


def settings_of(config: Path | None, sets: Sequence[str] | None, **flags: Any) -> Settings:
    """The settings of one command line; flags by dotted name with ``__`` for the dot, None where not given.

    Raises:
        SettingsError: something is wrong.
    """
    from trademaster.settings_sources import load_settings

    return load_settings(config=config, sets=sets or (), flags={name.replace("__", "."): value for name, value in flags.items()})


def table_of(
    columns: str | None,
    price_scale: str | None,
    symbol: str | None,
    time_format: str | None,
    time_zone: str,
    no_header: bool,
    delimiter: str | None = None,
    account: str | None = None,
    venue: str | None = None,
) -> TableOptions:
    """How a table is read.

    Raises:
        UsageError: an option cannot be read.
    """
    from sources.columns import TableOptions

    return TableOptions.parse(
        columns=columns or "",
        price_scale=price_scale or "1",
        symbol=symbol,
        time_format=time_format,
        time_zone=time_zone,
        header=not no_header,
        delimiter=delimiter,
        account=account,
        venue=venue,
    )


def parse_duration_s(option: str, text: str | None) -> float | None:
    """Seconds of an option that is a duration.

    Raises:
        UsageError: it is none.
    """
    from schemas.durations import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text) / 1e9
    except ValueError as error:
        raise UsageError(f"{option}: {error}", hint=f"write for example {option} 30s") from None
