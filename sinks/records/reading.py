"""Records a page at a time, in the order of event time; a cursor says where the next one begins, whatever was stored meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, FromClause, column, select, table, tuple_

from schemas.errors import UsageError
from sinks.records.tables import (
    ALERTS,
    AUDIT,
    EXECUTIONS,
    LIMIT_CHANGES,
    ORDER_UPDATES,
    ORDERS,
    PLACE,
    POSITIONS_DAILY,
)

_FROM_FILL = (
    *("account", "symbol", "time_ns", "side", "quantity", "price", "fee", "fee_currency", "venue"),
    *("order_id", "execution_id", "event_id", "correlation_id", *PLACE),
)
FILLS = table("fills", *(column(name, EXECUTIONS.c[name].type) for name in _FROM_FILL), column("state"))
"""Each fill once, as it stands: ``state`` is live, corrected or busted."""

_BY_TIME = ("time_ns", *PLACE)


@dataclass(frozen=True, slots=True)
class _Listing:
    source: FromClause
    order: tuple[str, ...]
    """Columns; the first is the time. Together they name a row."""
    filters: tuple[str, ...]


LISTINGS: Mapping[str, _Listing] = {
    "orders": _Listing(ORDERS, ("created_ns", "account", "order_id"), ("account", "symbol", "status", "order_id", "side", "strategy")),
    "order_updates": _Listing(ORDER_UPDATES, _BY_TIME, ("account", "symbol", "order_id", "status", "event_type")),
    "executions": _Listing(EXECUTIONS, _BY_TIME, ("account", "symbol", "order_id", "exec_type", "execution_id")),
    "fills": _Listing(FILLS, _BY_TIME, ("account", "symbol", "order_id", "execution_id", "side")),
    "positions_daily": _Listing(POSITIONS_DAILY, ("day", "account", "symbol"), ("account", "symbol")),
    "alerts": _Listing(ALERTS, _BY_TIME, ("account", "symbol", "state", "limit_id", "alert_id", "rule", "event_type", "order_id")),
    "audit": _Listing(AUDIT, _BY_TIME, ("subject", "action", "user_name")),
    "limit_changes": _Listing(LIMIT_CHANGES, _BY_TIME, ("limit_id", "account", "symbol", "rule", "scope")),
}
"""What can be listed, in which order, and by which columns it can be filtered."""

MAX_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """Rows by column name. Decimals are Decimal, days ``date``."""

    rows: Sequence[dict[str, Any]]
    next_cursor: str | None
    """For the page after; None: this is the last."""


def read_page(
    connection: Connection,
    name: str,
    *,
    filters: Mapping[str, str | Sequence[str]] | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
    cursor: str | None = None,
    limit: int = 100,
    newest_first: bool = True,
) -> Page:
    """One page of a listing.

    Args:
        connection: of ``sinks.records.engine.open_records_to_read``.
        name: of LISTINGS.
        filters: column to its value, or to some of which it is one. Restrict to an account here, never in the rows.
        from_ns, to_ns: of event time (of ``orders`` that of their first update), from and to before, UTC ns.
        cursor: ``next_cursor`` of the page before, asked for with the same filters and order.
        limit: most rows, 1 to MAX_LIMIT.
        newest_first: else oldest first.

    Raises:
        UsageError: the listing, a filter, the limit or the cursor is none of what there is.
    """
    listing = _listing(name, filters or {}, limit)
    source, order = listing.source, [listing.source.c[column_name] for column_name in listing.order]
    query = select(source)
    for column_name, value in (filters or {}).items():
        found = source.c[column_name]
        query = query.where(found == value if isinstance(value, str) else found.in_(list(value)))
    if from_ns is not None:
        query = query.where(order[0] >= _time_of(listing, from_ns))
    if to_ns is not None:
        query = query.where(order[0] < _time_of(listing, to_ns))
    if cursor is not None:
        after = tuple_(*_values_of(listing, cursor), types=[each.type for each in order])
        query = query.where(tuple_(*order) < after if newest_first else tuple_(*order) > after)
    query = query.order_by(*(each.desc() if newest_first else each for each in order)).limit(limit + 1)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, _cursor_of(listing, rows[-1]) if more else None)


def _listing(name: str, filters: Mapping[str, Any], limit: int) -> _Listing:
    if name not in LISTINGS:
        raise UsageError(f"expected one of {', '.join(LISTINGS)}, found {name!r}")
    if strangers := [each for each in filters if each not in LISTINGS[name].filters]:
        raise UsageError(f"expected filters among {', '.join(LISTINGS[name].filters)}, found {', '.join(strangers)}")
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"limit: expected 1 to {MAX_LIMIT}, found {limit}")
    return LISTINGS[name]


def _time_of(listing: _Listing, time_ns: int) -> int | date:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date() if listing.order[0] == "day" else time_ns


def _cursor_of(listing: _Listing, row: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([row[name] for name in listing.order])).decode().rstrip("=")


def _values_of(listing: _Listing, cursor: str) -> list[Any]:
    kinds: Any = tuple[tuple(listing.source.c[name].type.python_type for name in listing.order)]  # type: ignore[misc]
    try:
        return list(msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kinds))
    except (msgspec.DecodeError, binascii.Error, UnicodeError, ValueError):
        raise UsageError("cursor: expected one that an earlier page gave, found another", hint="ask without a cursor") from None
