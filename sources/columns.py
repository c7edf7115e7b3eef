"""Which column of a table is which field of a topic's payload, and how its cells are to be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from schemas.errors import InputFileError, UsageError

TICKS, BARS, REPORTS = "market.ticks", "market.bars", "orders.events"

ALIASES: dict[str, dict[str, tuple[str, ...]]] = {
    TICKS: {
        "timestamp": ("timestamp", "time", "date", "datetime"),
        "symbol": ("symbol", "ticker"),
        "price": ("price", "last"),
        "size": ("size", "volume", "qty", "quantity"),
        "bid": ("bid",),
        "ask": ("ask", "offer"),
        "bidSize": ("bidsize",),
        "askSize": ("asksize",),
        "side": ("side",),
        "sequence": ("sequence", "seq"),
    },
    BARS: {
        "symbol": ("symbol", "ticker"),
        "interval": ("interval",),
        "start": ("start", "timestamp", "time", "date", "datetime"),
        "end": ("end",),
        "open": ("open",),
        "high": ("high",),
        "low": ("low",),
        "close": ("close",),
        "volume": ("volume",),
        "vwap": ("vwap",),
        "tradeCount": ("tradecount", "trades"),
    },
    REPORTS: {
        "execType": ("exectype", "executiontype"),
        "account": ("account", "accountid", "acct"),
        "symbol": ("symbol", "ticker", "instrument"),
        "venue": ("venue", "exchange", "lastmkt"),
        "orderId": ("orderid", "order"),
        "executionId": ("executionid", "execid", "fillid", "tradeid", "id"),
        "referenceExecutionId": ("referenceexecutionid", "execrefid"),
        "side": ("side", "buysell", "buy/sell", "b/s"),
        "quantity": ("quantity", "qty", "fillqty", "lastqty", "size", "shares"),
        "price": ("price", "fillprice", "lastpx", "tradeprice"),
        "stopPrice": ("stopprice",),
        "orderType": ("ordertype",),
        "timeInForce": ("timeinforce", "tif"),
        "cumulativeQuantity": ("cumulativequantity", "cumqty"),
        "fee": ("fee", "fees", "commission"),
        "feeCurrency": ("feecurrency", "commissioncurrency"),
        "amount": ("amount",),
        "currency": ("currency",),
        "reason": ("reason",),
        "timestamp": ("timestamp", "time", "datetime", "transacttime", "filltime", "tradetime", "date"),
    },
}
"""Names that are recognised, without case, spaces, ``_`` and ``-``; the first that a table has is taken."""

NEEDED = {TICKS: ("timestamp", "symbol"), BARS: ("start", "end", "symbol"), REPORTS: tuple(ALIASES[REPORTS])}
"""Fields that are looked for by name even where ``--columns`` does not name them."""

_NEEDED_GROUPS: dict[str, tuple[tuple[str, ...], ...]] = {
    TICKS: (("timestamp",), ("price", "bid", "ask")),
    BARS: (("start", "end"), ("close", "open", "high", "low", "vwap")),
    REPORTS: (("executionId",), ("quantity",), ("price",)),
}
"""Of each group a table must have a column at least."""

PRICES = frozenset({"price", "bid", "ask", "open", "high", "low", "close", "vwap"})
"""Fields that ``--price-scale`` multiplies."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What a person says of a table. ``TableOptions()`` is a table that explains itself."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Payload field to column, by its name or its position from 1."""
    price_scale: Decimal = Decimal(1)
    symbol: str | None = None
    """The symbol of every row."""
    time_format: str | None = None
    """``ns``, ``us``, ``ms``, ``s``, ``rfc3339`` or strftime's; None: recognised."""
    time_zone: str = "UTC"
    """Of times that do not say theirs."""
    header: bool = True
    delimiter: str | None = None
    """One character; None: recognised among comma, semicolon, tab and bar."""
    account: str | None = None
    """Of ``orders.events``: the account, and the venue, of rows that name none."""
    venue: str | None = None

    @classmethod
    def parse(
        cls,
        *,
        columns: str = "",
        price_scale: str = "1",
        symbol: str | None = None,
        time_format: str | None = None,
        time_zone: str = "UTC",
        header: bool = True,
        delimiter: str | None = None,
        account: str | None = None,
        venue: str | None = None,
    ) -> TableOptions:
        """From the texts of the command line.

        Raises:
            UsageError: one of them cannot be read.
        """
        if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
            raise UsageError(f"expected one character for --delimiter, found {delimiter!r}")
        return cls(_parse_columns(columns), _parse_scale(price_scale), symbol, time_format, time_zone, header, delimiter, account, venue)


def _parse_columns(text: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        name = re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)
        if not (name and equals and column):
            raise UsageError(f"--columns: expected FIELD=COLUMN, found {part!r}", hint="such as --columns timestamp=Time,price=Price")
        if name in named:
            raise UsageError(f"--columns: expected each field once, found {name} twice")
        named[name] = column
    return named


def _parse_scale(text: str) -> Decimal:
    try:
        scale = Decimal(text)
    except InvalidOperation:
        scale = Decimal(0)
    if not scale.is_finite() or scale <= 0:
        raise UsageError(f"--price-scale: expected a number above 0 such as 0.0001, found {text!r}")
    return scale


@dataclass(frozen=True, slots=True)
class Columns:
    """Options applied to one table: where each field stands."""

    topic: str
    places: Mapping[str, int]
    """Payload field to position from 0."""
    names: Mapping[str, str]
    """Payload field to the column's name in messages."""


def resolve(topic: str, header: Sequence[str], options: TableOptions, *, source: str) -> Columns:
    """Find the columns of a topic's fields.

    Args:
        header: names of the columns; where the file has none, the cells of its first row (shown in messages).
        source: name of the file, for messages.

    Raises:
        UsageError: a field does not exist, or options contradict each other.
        InputFileError: a column that was named or is needed is not there.
    """
    known = ALIASES.get(topic)
    if options.symbol is not None and "symbol" in options.columns:
        raise UsageError("expected --symbol or --columns symbol=..., found both")
    places: dict[str, int] = {}
    for given, column in options.columns.items():
        name = given if known is None else _field_of(given, topic, known)
        if name in places:
            raise UsageError(f"--columns: expected {name} once, found it again as {given}")
        places[name] = _place(name, column, header, options, source)
    if options.header:
        _recognise(topic, header, options, places)
    if known is not None:
        _require(topic, header, options, places, source)
    labels = {name: header[at].strip() if options.header and at < len(header) else str(at + 1) for name, at in places.items()}
    return Columns(topic, places, labels)


def _field_of(given: str, topic: str, known: Mapping[str, tuple[str, ...]]) -> str:
    """A field by its name, or by another name of it, such as ``timestamp`` of a bar's start."""
    for name, aliases in known.items():
        if given == name or (given not in known and plain_name(given) in aliases):
            return name
    raise UsageError(f"--columns: {topic} has no field {given!r}", hint="its fields are: " + ", ".join(known))


def plain_name(name: str) -> str:
    """A column's name as aliases are written."""
    return re.sub(r"[\s_-]", "", name).casefold()


def _place(name: str, column: str, header: Sequence[str], options: TableOptions, source: str) -> int:
    if options.header:
        same = [at for at, found in enumerate(header) if found.strip() == column] or [
            at for at, found in enumerate(header) if found.strip().casefold() == column.casefold()
        ]
        if len(same) == 1:
            return same[0]
        if same:
            raise InputFileError(
                f"{source}: expected one column {column!r} for {name}, found {len(same)}", hint=f"name it by position: {name}={same[0] + 1}"
            )
    if column.isascii() and column.isdigit() and 1 <= int(column) <= max(len(header), 1):
        return int(column) - 1
    wanted = f"column {column!r}" if options.header else f"a position from 1 to {len(header)}, not {column!r},"
    raise InputFileError(
        f"{source}: expected {wanted} for {name}, found {_shown(header)}",
        hint=f"give --columns {name}=COLUMN by its name, or by its position from 1",
    )


def _recognise(topic: str, header: Sequence[str], options: TableOptions, places: dict[str, int]) -> None:
    known = ALIASES.get(topic)
    if known is None:
        if not options.columns:
            for at, name in enumerate(header):
                if name.strip():
                    places.setdefault(name.strip(), at)
        return
    plain = [plain_name(name) for name in header]
    names_none = not any(name in places for name in _NEEDED_GROUPS[topic][-1])  # of the values: only where or when they are was said
    for name, aliases in known.items():
        wanted = names_none or (name in NEEDED[topic] and name not in places)
        taken = name == "symbol" and options.symbol is not None and topic != REPORTS
        if topic == BARS and name == "start" and "end" in places:
            continue
        if wanted and not taken:
            found = next((plain.index(alias) for alias in aliases if alias in plain), None)
            if found is not None and found not in places.values():
                places[name] = found


def _require(topic: str, header: Sequence[str], options: TableOptions, places: Mapping[str, int], source: str) -> None:
    groups = _NEEDED_GROUPS[topic]
    if topic == REPORTS and "execType" in places:
        groups = ()  # what a row needs depends on its type
    for group in groups:
        if not any(name in places for name in group):
            what = "the first row of the file is " if not options.header else "its columns are "
            raise InputFileError(
                f"{source}: expected a column for {' or '.join(group)}, found none; {what}{_shown(header)}",
                hint=f"name it: --columns {group[0]}=COLUMN (by position, from 1, with --no-header if the file has no line of names)",
            )
    given = {"symbol": options.symbol, "account": options.account if topic == REPORTS else ""}
    for name, value in given.items():
        if groups and name not in places and value is None:
            raise InputFileError(
                f"{source}: expected a column for {name}, found {_shown(header)}",
                hint=f"give --{name} NAME for every row, or --columns {name}=COLUMN",
            )


def _shown(header: Sequence[str]) -> str:
    names = [repr(name[:40]) for name in header[:12]]
    return ", ".join(names) + (f" and {len(header) - 12} more" if len(header) > 12 else "") if names else "nothing"
