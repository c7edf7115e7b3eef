"""``docs/records.md``: its SQL runs and answers alike in both databases, and it names every table and column."""

from __future__ import annotations

import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.alerts import Alert
from schemas.orders import ExecType, ExecutionReport, OrderUpdate, Status
from schemas.portfolio import PositionUpdate
from schemas.risk import Audit
from schemas.times import DAY_NS
from sinks.records.engine import open_records_to_read
from sinks.records.reading import FILLS
from sinks.records.tables import BUS_LOGS, METADATA
from tests.sinks.records_world import START_NS, World, batch_of, event
from tests.sinks.test_sql_laws import store

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "records.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
SQLITE, POSTGRES = ([sql for sql in EXAMPLES if other not in sql] for other in ("-- PostgreSQL", "-- SQLite"))

COMMON = {"time_ns", "bus_log", "bus_partition", "bus_offset", "event_id", "event_type", "correlation_id", "source"}

ANSWERS: list[list[tuple[Any, ...]]] = [
    [
        ("2026-01-05T00:00:00.123456790Z", "A", "2", "Y", "sell", "NEW", "5"),
        ("2026-01-05T00:00:00.123456789Z", "A", "1", "X", "buy", "PARTIALLY_FILLED", "6.5"),
    ],
    [
        ("2026-01-05T00:00:00.123456789Z", 1, "ORDER_PLACED", "NEW", "0", None),
        ("2026-01-05T00:00:01.123456789Z", 2, "ORDER_PARTIAL_FILL", "PARTIALLY_FILLED", "3.5", None),
    ],
    [("X", "3.6", "36.000", "0.250")],
    [("A", "X", "2026-01-05", "3.5", "-0.25"), ("A", "Y", "2026-01-06", "-1", "0")],
    [("2026-01-05T00:00:00.123456789Z", "L", "account:A", "0.25", "0.1")],
    [("2026-01-05T00:00:00.123456789Z", "me", "set", None, "{'threshold': '2'}")],
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres").new_database())


def some_records() -> World:
    world = World(0)

    def order(order_id: str, version: int, status: Status, **fields: Any) -> None:
        update = OrderUpdate(order_id=order_id, account="A", version=version, status=status, **fields)
        kind = "ORDER_PARTIAL_FILL" if status is Status.PARTIALLY_FILLED else "ORDER_PLACED"
        time_ns = START_NS + (1 if order_id == "2" else (version - 1) * 1_000_000_000)
        world.put("orders.updates", event(kind, f"o{order_id}{version}", update, time_ns))

    order("1", 1, Status.NEW, symbol="X", side="buy", leaves_quantity=Decimal(10))
    order("1", 2, Status.PARTIALLY_FILLED, symbol="X", side="buy", filled_quantity=Decimal("3.5"), leaves_quantity=Decimal("6.5"))
    order("2", 1, Status.NEW, symbol="Y", side="sell", leaves_quantity=Decimal(5))
    order("3", 1, Status.REJECTED, symbol="Y", side="sell")
    for number, quantity in (("1", "3.5"), ("2", "0.1"), ("3", "7")):
        fill = ExecutionReport(
            ExecType.FILL, "A", "X", "V", "1", number, None, "buy", Decimal(quantity), Decimal("10.00"), fee=Decimal("0.125")
        )
        world.put("orders.events", event("EXECUTION_REPORT", f"e{number}", fill))
    world.put("orders.events", event("EXECUTION_REPORT", "eb", ExecutionReport(ExecType.BUST, "A", "X", "V", None, None, "3")))
    for version, (symbol, day, quantity, pnl) in enumerate((("X", 0, "3.5", "-0.25"), ("Y", 1, "-1", "0"), ("X", 2, "9", "0"))):
        position = PositionUpdate("A", symbol, Decimal(quantity), realized_pnl=Decimal(pnl), version=version + 1)
        world.put("portfolio.positions", event("POSITION_UPDATE", f"p{version}", position, START_NS + day * DAY_NS))
    for name, state in (("L|1", "breach"), ("M|1", "breach"), ("M|1", "clear")):
        alert = Alert(name, name[0], "drawdown", "account:A", None, "A", state, 0.25, 0.1, 1)  # type: ignore[arg-type]
        world.put("risk.alerts", event("RISK_LIMIT_CLEARED" if state == "clear" else "RISK_LIMIT_BREACH", name + state, alert))
    world.put("audit", event("AUDIT", "u", Audit("control.limits/L", "set", "me", None, {"threshold": "2"})))
    return world


def filled(url: str) -> None:
    world = some_records()
    with store(url) as opened:
        for record in world.records:
            assert not opened.write(batch_of([record]))


def test_examples_answer_alike_in_both_databases(records_url: str) -> None:
    filled(records_url)
    engine = open_records_to_read(records_url)
    examples = POSTGRES if engine.dialect.name == "postgresql" else SQLITE
    with engine.connect() as connection:
        found = [[tuple(map(shown, row)) for row in connection.exec_driver_sql(sql.replace("%", "%%"))] for sql in examples]
    engine.dispose()
    assert found == ANSWERS


def shown(value: Any) -> Any:
    """Numbers and days as text: drivers have types of their own for them, and JSON is text in SQLite."""
    if value is None or isinstance(value, int):
        return value
    text = str(value)
    return text.replace('"', "'").replace("':'", "': '")


def test_the_shell_of_sqlite_adds_decimals_too(tmp_path: Path) -> None:
    filled(f"sqlite:///{tmp_path / 'records.db'}")
    try:
        asked = subprocess.run(
            ["sqlite3", "-readonly", tmp_path / "records.db"], input=SQLITE[2], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("the shell sqlite3 is not installed")
    symbol, *numbers = asked.stdout.strip().split("|")
    expected_symbol, *expected = ANSWERS[2][0]
    assert (symbol, [*map(Decimal, numbers)]) == (expected_symbol, [*map(Decimal, expected)])


def test_tables_and_columns_are_named() -> None:
    lines = {found[1]: line for line in PAGE.splitlines() if (found := re.match(r"\| `(\w+)`", line))}
    rows = {name: set(re.findall(r"`(\w+)`", line)) for name, line in lines.items()}
    named = {table.name: {column.name for column in table.columns} for table in METADATA.sorted_tables}
    rows["orders"] |= rows["order_updates"]
    for name, columns in named.items():
        if name != BUS_LOGS.name:
            assert columns - rows[name] <= COMMON, name
        assert rows[name] - columns <= {*named, "records"}, name
    assert {column.name for column in FILLS.columns} <= rows["fills"] | rows["executions"] | COMMON
