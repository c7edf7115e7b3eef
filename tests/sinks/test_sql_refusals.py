"""What cannot be stored becomes a dead letter by itself; all around it is stored."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import text

from schemas.orders import ExecType, ExecutionReport, OrderUpdate, Status
from schemas.portfolio import PositionUpdate
from schemas.risk import Audit
from sinks.records.engine import open_records
from tests.sinks.records_world import World, batch_of, event, expected, shown
from tests.sinks.test_sql_laws import rows_of, store

_LONG = "".join(random.Random(0).choices(string.ascii_letters, k=9_000))
"""By chance: an index would take one letter 9,000 times."""


def update(**fields: object) -> OrderUpdate:
    values: dict[str, object] = {"order_id": "1", "account": "A", "symbol": "X", "side": "buy", "status": Status.NEW, "version": 1}
    return OrderUpdate(**(values | fields))  # type: ignore[arg-type]


def fill(**fields: object) -> ExecutionReport:
    report = ExecutionReport(ExecType.FILL, "A", "X", "V", "1", "9", None, "buy", Decimal(1), Decimal(2))
    return msgspec.structs.replace(report, **fields)


def _order(**fields: object) -> bytes:
    return event("ORDER_PLACED", "bad", update(**fields))


def _position(quantity: Decimal, version: int) -> bytes:
    return event("POSITION_UPDATE", "bad", PositionUpdate("A", "X", quantity, version=version))


BAD: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "text with NUL": ("orders.updates", "malformed", lambda: _order(reason="a\0b")),
    "NUL in JSON": ("audit", "malformed", lambda: event("AUDIT", "bad", Audit("s", "set", None, None, {"a": [{"b\0": 1}]}))),
    "exponent": ("orders.updates", "number", lambda: _order(quantity=Decimal("1E+400"))),
    "zero with an exponent": ("orders.updates", "number", lambda: _order(filled_quantity=Decimal("0E-99999"))),
    "digits": ("orders.events", "number", lambda: event("EXECUTION_REPORT", "bad", fill(cumulative_quantity=Decimal("0." + "1" * 1_001)))),
    "not a number": ("orders.updates", "number", lambda: _order(leaves_quantity=Decimal("NaN"))),
    "infinity": ("portfolio.positions", "number", lambda: _position(Decimal("Infinity"), 1)),
    "integer": ("orders.updates", "number", lambda: _order(version=2**63)),
    "name": ("orders.updates", "too_large", lambda: _order(order_id=_LONG)),
    "id": ("audit", "too_large", lambda: event("AUDIT", _LONG, Audit("s", "set", None, None, None))),
    "type": ("risk.alerts", "unknown_type", lambda: event("BAR_CLOSED", "bad", update())),
    "no JSON": ("risk.alerts", "malformed", lambda: b'{"header'),
    "nothing": ("orders.updates", "malformed", lambda: b""),
    "surrogate": ("audit", "malformed", lambda: event("AUDIT", "bad", Audit("s", "set", "user", None, None)).replace(b"user", b"\\ud800")),
    "no limit": ("control.limits", "control", lambda: b'{"limitId": 3}'),
    "no version": ("portfolio.positions", "missing_field", lambda: _position(Decimal(1), 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_refused_by_itself(records_url: str, name: str) -> None:
    topic, reason, make = BAD[name]
    world = World(3)
    while sum(record.topic == topic for record in world.records) < 20:
        world.add(5)
    good = [record for record in world.records if record.topic == topic]
    world.put(topic, make(), b"", 0)
    bad = world.records[-1]
    with store(records_url) as opened:
        rejects = [*opened.write(batch_of([*good[:10], bad, *good[10:]])), *opened.flush()]
    assert [(reject.topic, reject.partition, reject.offset, str(reject.reason)) for reject in rejects] == [
        (topic, bad.partition, bad.offset, reason)
    ]
    assert rejects[0].payload == bad.value
    assert rejects[0].first_seen_ns == bad.timestamp_ms * 1_000_000
    assert rows_of(records_url) == shown(expected(good))


_RULES = {
    "sqlite": "CREATE TRIGGER rule BEFORE INSERT ON executions WHEN new.price = '-7' BEGIN SELECT raise(ABORT, 'no such price'); END",
    "postgresql": "ALTER TABLE executions ADD CONSTRAINT rule CHECK (price <> -7)",
}


@pytest.mark.parametrize("max_rows", [1, 7, 5_000])
def test_what_the_database_refuses_is_left_out_and_nothing_else(records_url: str, max_rows: int) -> None:
    """Somebody gave a table a rule of his own."""
    with store(records_url):
        pass
    engine = open_records(records_url)
    with engine.begin() as connection:
        connection.execute(text(_RULES[engine.dialect.name]))
    engine.dispose()
    world = World(8).add(60)
    for number in range(3):
        world.put("orders.events", event("EXECUTION_REPORT", f"bad{number}", fill(price=Decimal(-7))))
    records = sorted((record for record in world.records if record.topic == "orders.events"), key=lambda record: record.value[-60:])
    bad = [record for record in records if b'"bad' in record.value]
    with store(records_url, max_rows=max_rows) as opened:
        rejects = [*opened.write(batch_of(records)), *opened.flush()]
    assert sorted((reject.partition, reject.offset) for reject in rejects) == sorted((each.partition, each.offset) for each in bad)
    assert {str(reject.reason) for reject in rejects} == {"unstorable"}
    assert all("rule" in reject.detail or "no such price" in reject.detail for reject in rejects)
    assert rows_of(records_url) == shown(expected(record for record in records if record not in bad))
