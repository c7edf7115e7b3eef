"""The view of fills: each once, as its venue corrected or busted it since."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import select

from schemas.orders import ExecType, ExecutionReport
from sinks.records.engine import open_records_to_read
from sinks.records.reading import FILLS
from tests.sinks.records_world import World, event
from tests.sinks.test_sql_laws import feed, store

FILL = ExecutionReport(ExecType.FILL, "A", "X", "V", "o", "1", None, "buy", Decimal("10.50"), Decimal(5))


def told(url: str, *reports: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Fills after these reports, each a change of FILL."""
    world = World(0)
    for number, changes in enumerate(reports):
        report = msgspec.structs.replace(FILL, **changes)
        world.put("orders.events", event("EXECUTION_REPORT", f"e{number}", report), partition=0)
    with store(url) as opened:
        feed(opened, world.records, random.Random(0))
    engine = open_records_to_read(url)
    columns = (FILLS.c.event_id, FILLS.c.quantity, FILLS.c.price, FILLS.c.fee, FILLS.c.state)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(select(*columns).order_by(FILLS.c.event_id))]
    engine.dispose()
    return found


def amended(kind: ExecType, fill: str, venue: str | None = "V", **changes: Any) -> dict[str, Any]:
    return {"exec_type": kind, "execution_id": f"{kind}{fill}", "reference_execution_id": fill, "venue": venue, **changes}


def test_a_fill_that_is_reported_again_counts_once(records_url: str) -> None:
    """By account, venue, symbol and execution id, as the portfolio knows it; another report of it may say what it likes."""
    same: dict[str, Any] = {"price": Decimal(7)}
    others: list[dict[str, Any]] = [{"account": "B"}, {"symbol": "Y"}, {"venue": "W"}, {"venue": None}, {"execution_id": "2"}]
    found = told(records_url, {}, same, *others, *(other | same for other in others))
    assert [row[0] for row in found] == [f"e{number}" for number in (0, 2, 3, 4, 5, 6)]
    assert {row[2] for row in found} == {Decimal(5)}


def test_the_last_correction_holds_and_a_bust_more(records_url: str) -> None:
    correct, bust = ExecType.CORRECT, ExecType.BUST
    found = told(
        records_url,
        {"execution_id": "1"},
        {"execution_id": "2"},
        {"execution_id": "3"},
        {"execution_id": "4"},
        amended(correct, "1", quantity=Decimal(1), price=Decimal(2), fee=Decimal(3)),
        amended(correct, "1", quantity=Decimal("0.10"), price=Decimal(4)),
        amended(bust, "2", venue=None),
        amended(correct, "3", venue="another", quantity=Decimal(9)),
        amended(bust, "4", account="B"),
    )
    assert found == [
        ("e0", Decimal("0.10"), Decimal(4), Decimal(0), "corrected"),
        ("e1", Decimal("10.50"), Decimal(5), Decimal(0), "busted"),
        ("e2", Decimal("10.50"), Decimal(5), Decimal(0), "live"),
        ("e3", Decimal("10.50"), Decimal(5), Decimal(0), "live"),
    ]
