"""The tables of the records. ``sinks/records/migrations`` makes them; a test compares both.

Times are int64 nanoseconds since 1970, UTC; the views ``readable_*`` show them as text. ``bus_log``, ``bus_partition`` and
``bus_offset`` say where on the bus the event stands: with the time they are the order of a page.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Float, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlalchemy.dialects.postgresql import TEXT as PG_TEXT

from sinks.records.types import Exact

METADATA = MetaData()

ID = Text().with_variant(PG_TEXT(collation="C"), "postgresql")
"""Names are compared byte by byte: alike in both databases, and quicker."""
ANY = JSON().with_variant(JSONB(), "postgresql")
DOUBLE = Float().with_variant(DOUBLE_PRECISION(), "postgresql")

PLACE = ("bus_log", "bus_partition", "bus_offset")


def _place() -> list[Column[Any]]:
    return [
        Column("time_ns", BigInteger, nullable=False),
        Column("bus_log", Integer, nullable=False),
        Column("bus_partition", Integer, nullable=False),
        Column("bus_offset", BigInteger, nullable=False),
    ]


def _event(*, is_key: bool = True) -> list[Column[Any]]:
    return [
        Column("event_id", ID, primary_key=is_key, nullable=False),
        Column("event_type", ID, nullable=False),
        Column("correlation_id", Text, nullable=False),
        Column("source", Text, nullable=False),
    ]


def _ids(*names: str, required: tuple[str, ...] = ()) -> list[Column[Any]]:
    return [Column(name, ID, nullable=name not in required) for name in names]


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _decimals(*names: str) -> list[Column[Any]]:
    return [Column(name, Exact) for name in names]


def _order_columns() -> list[Column[Any]]:
    return [
        Column("version", BigInteger, nullable=False),
        *_ids("symbol", "side", "status"),
        *_texts("order_type", "time_in_force"),
        *_decimals("quantity", "filled_quantity", "leaves_quantity", "price", "stop_price", "average_price"),
        *_decimals("last_quantity", "last_price", "requested_quantity", "requested_price", "requested_stop_price"),
        *_texts("venue", "strategy", "user_name", "reason"),
    ]


BUS_LOGS = Table(
    "bus_logs",
    METADATA,
    Column("bus_log", Integer, primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False, unique=True),
)
"""Logs that events came from, numbered in the order in which they were first read: offsets of one say nothing about another."""

ORDERS = Table(
    "orders",
    METADATA,
    Column("account", ID, primary_key=True),
    Column("order_id", ID, primary_key=True),
    Column("created_ns", BigInteger, nullable=False),
    *_event(is_key=False),
    *_place(),
    *_order_columns(),
    Index("orders_by_time", "created_ns", "account", "order_id"),
    Index("orders_by_account", "account", "created_ns", "order_id"),
    Index("orders_by_symbol", "symbol", "created_ns", "account", "order_id"),
    Index("orders_by_status", "status", "created_ns", "account", "order_id"),
    Index("orders_by_id", "order_id"),
)
"""An order as it stands: its update of the highest version. ``created_ns`` is the event time of its first one."""

ORDER_UPDATES = Table(
    "order_updates",
    METADATA,
    *_event(),
    *_place(),
    *_ids("account", "order_id", required=("account", "order_id")),
    *_order_columns(),
    Index("order_updates_by_order", "account", "order_id", "version"),
    Index("order_updates_by_time", "time_ns", *PLACE),
    Index("order_updates_by_account", "account", "time_ns", *PLACE),
    Index("order_updates_by_symbol", "symbol", "time_ns", *PLACE),
)
"""What happened to orders, an event a row; version 0 answers a command about no order."""

EXECUTIONS = Table(
    "executions",
    METADATA,
    *_event(),
    *_place(),
    Column("exec_type", ID, nullable=False),
    *_ids("account", "symbol", "order_id", "execution_id", "reference_execution_id"),
    *_texts("venue", "side", "order_type", "time_in_force"),
    *_decimals("quantity", "price", "stop_price", "cumulative_quantity", "fee", "amount"),
    *_texts("fee_currency", "currency", "reason"),
    Index("executions_by_time", "time_ns", *PLACE),
    Index("executions_by_account", "account", "time_ns", *PLACE),
    Index("executions_by_symbol", "symbol", "time_ns", *PLACE),
    Index("executions_by_order", "account", "order_id"),
    Index("executions_by_execution", "account", "execution_id"),
    Index("executions_by_reference", "account", "reference_execution_id"),
)
"""Every report of a venue. The view ``fills`` has the fills among them, each once, as corrected and busted since."""

POSITIONS_DAILY = Table(
    "positions_daily",
    METADATA,
    Column("account", ID, primary_key=True),
    Column("symbol", ID, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("version", BigInteger, nullable=False),
    *_decimals("quantity", "average_price", "realized_pnl", "fees", "cost_basis"),
    *_texts("currency", "costing"),
    Column("lots", ANY),
    *_texts("reason"),
    *_event(is_key=False),
    *_place(),
    Index("positions_daily_by_day", "day", "account", "symbol"),
    Index("positions_daily_by_symbol", "symbol", "day", "account"),
)
"""A position after its last change of a day, UTC by event time. A day on which nothing changed has no row: the one before holds."""

ALERTS = Table(
    "alerts",
    METADATA,
    *_event(),
    *_place(),
    *_ids("account", "symbol", "state", "alert_id", "limit_id", "rule", "alert_key"),
    Column("value", DOUBLE),
    Column("threshold", DOUBLE),
    Column("episode", BigInteger),
    Column("position_version", BigInteger),
    *_texts("scope", "state_before"),
    *_ids("order_id"),
    Column("version", BigInteger),
    *_texts("reason", "user_name"),
    Index("alerts_by_time", "time_ns", *PLACE),
    Index("alerts_by_account", "account", "time_ns", *PLACE),
    Index("alerts_by_symbol", "symbol", "time_ns", *PLACE),
    Index("alerts_by_alert", "alert_id"),
)
"""All of ``risk.alerts``. ``state`` is breach or clear of a limit, else the state of trading or of the order that it is about."""

AUDIT = Table(
    "audit",
    METADATA,
    *_event(),
    *_place(),
    *_ids("subject", "action", required=("subject", "action")),
    *_texts("user_name", "reason"),
    Column("state_before", ANY),
    Column("state_after", ANY),
    Index("audit_by_time", "time_ns", *PLACE),
    Index("audit_by_subject", "subject", "time_ns", *PLACE),
)
"""Who changed what is in force."""

LIMIT_CHANGES = Table(
    "limit_changes",
    METADATA,
    Column("bus_log", Integer, primary_key=True, autoincrement=False),
    Column("bus_partition", Integer, primary_key=True, autoincrement=False),
    Column("bus_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("event_id", ID),
    Column("limit_id", ID, nullable=False),
    Column("removed", Boolean, nullable=False),
    *_ids("rule", "scope", "account", "symbol"),
    *_decimals("threshold", "clear_threshold"),
    *_texts("time_window", "on_breach", "on_trigger"),
    Column("enabled", Boolean),
    Index("limit_changes_by_time", "time_ns", *PLACE),
    Index("limit_changes_by_limit", "limit_id", "time_ns", *PLACE),
    Index("limit_changes_by_account", "account", "time_ns", *PLACE),
)
"""Every record of ``control.limits``, known by its place: a limit that is set, changed and set back bears one event id twice."""

RECORDS: tuple[Table, ...] = (ORDERS, ORDER_UPDATES, EXECUTIONS, POSITIONS_DAILY, ALERTS, AUDIT, LIMIT_CHANGES)
"""What events are stored in."""
