"""Options that several commands share, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import UsageError

if TYPE_CHECKING:
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
    from trademaster.telemetry.logs import configure_logs

    settings = load_settings(config=config, sets=sets or (), flags={name.replace("__", "."): value for name, value in flags.items()})
    configure_logs(settings.log.level, settings.log.format)
    return settings


def parse_columns(text: str | None) -> dict[str, str]:
    """``timestamp=Time,price=Price`` as a mapping from our field to the table's column.

    Raises:
        UsageError: a part is not of that form, or a field stands twice.
    """
    columns: dict[str, str] = {}
    for part in (text or "").split(","):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not (field and equals and column) or field in columns:
            raise UsageError(
                f"--columns: expected each field once as FIELD=COLUMN, found {part!r}",
                hint="write for example --columns timestamp=Time,price=Price,size=Volume",
            )
        columns[field] = column
    return columns


def parse_price_scale(text: str | None) -> float:
    """The factor of prices; 1 if not given.

    Raises:
        UsageError: it is no number greater than 0.
    """
    if text is None:
        return 1.0
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise UsageError(f"--price-scale: expected a number greater than 0, found {text!r}", hint="write for example --price-scale 0.0001")
    return scale


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
