"""Pages of records: all of them once, in the order of event time, found by an index."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy import event as sql_event

from schemas.errors import UsageError
from sinks.records.engine import open_records_to_read
from sinks.records.reading import LISTINGS, read_page
from tests.sinks.records_world import START_NS, World
from tests.sinks.test_sql_laws import feed, store

FILTERS: dict[str, dict[str, Any]] = {
    "orders": {"account": "A", "status": ["NEW", "FILLED", "CANCELED"]},
    "order_updates": {"account": "A", "symbol": "X"},
    "executions": {"account": "B"},
    "fills": {"account": "B", "symbol": "X"},
    "positions_daily": {"account": "A", "symbol": ["A", "B"]},
    "alerts": {"account": "A", "state": "breach"},
    "audit": {"subject": "control.limits/L"},
    "limit_changes": {"limit_id": "L1"},
}


@pytest.fixture(scope="module")
def filled(shared_records_url: str) -> Iterator[Engine]:
    """A database with records, several of them at one time."""
    world = World(31).add(300)
    with store(shared_records_url, max_rows=5_000) as opened:
        feed(opened, world.records, random.Random(31))
    engine = open_records_to_read(shared_records_url)
    yield engine
    engine.dispose()


@pytest.fixture
def reading(filled: Engine) -> Iterator[Connection]:
    with filled.connect() as connection:
        yield connection


def pages(connection: Connection, name: str, limit: int, **asked: Any) -> Iterator[list[dict[str, Any]]]:
    cursor = None
    while True:
        page = read_page(connection, name, limit=limit, cursor=cursor, **asked)
        yield list(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


def wanted(row: Mapping[str, Any], filters: Mapping[str, Any]) -> bool:
    return all(row[name] in ([value] if isinstance(value, str) else value) for name, value in filters.items())


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("name", LISTINGS)
def test_pages_have_each_row_once_in_the_order_of_time(reading: Connection, name: str, newest_first: bool) -> None:
    (whole,) = pages(reading, name, 1_000, newest_first=newest_first)
    assert len(whole) > 5
    order = [tuple(row[column] for column in LISTINGS[name].order) for row in whole]
    assert order == sorted(set(order), reverse=newest_first)
    for limit in (1, 7, len(whole)):
        assert [row for page in pages(reading, name, limit, newest_first=newest_first) for row in page] == whole
    some = [row for page in pages(reading, name, 4, newest_first=newest_first, filters=FILTERS[name]) for row in page]
    assert some == [row for row in whole if wanted(row, FILTERS[name])]
    assert some


def test_a_time_has_a_first_and_an_end(reading: Connection) -> None:
    (whole,) = pages(reading, "alerts", 1_000, newest_first=False)
    middle = whole[len(whole) // 2]["time_ns"]
    before, after = (
        [row for page in pages(reading, "alerts", 3, **times) for row in page] for times in ({"to_ns": middle}, {"from_ns": middle})
    )
    assert {row["time_ns"] < middle for row in before} == {True}
    assert {row["time_ns"] >= middle for row in after} == {True}
    assert len(before) + len(after) == len(whole)
    days = [row["day"] for page in pages(reading, "positions_daily", 9, from_ns=START_NS, to_ns=START_NS) for row in page]
    assert days == []


def test_records_that_come_meanwhile_neither_repeat_nor_hide_others(records_url: str) -> None:
    first, second = World(32).add(150), World(33, tag="later").add(50)
    with store(records_url) as opened:
        feed(opened, first.records, random.Random(0))
        engine = open_records_to_read(records_url)
        with engine.connect() as connection:
            page = read_page(connection, "alerts", limit=10)
            (whole,) = pages(connection, "alerts", 1_000)
        feed(opened, [record for record in second.records if record.topic == "alerts"] or second.records, random.Random(0))
        with engine.connect() as connection:
            rest = [row for rows in pages_from(connection, "alerts", page.next_cursor) for row in rows]
        engine.dispose()
    seen = [row["event_id"] for row in (*page.rows, *rest)]
    assert len(seen) == len(set(seen))
    assert {row["event_id"] for row in whole} <= set(seen)


def pages_from(connection: Connection, name: str, cursor: str | None) -> Iterator[list[dict[str, Any]]]:
    while cursor is not None:
        page = read_page(connection, name, cursor=cursor, limit=7)
        yield list(page.rows)
        cursor = page.next_cursor


INDEXED = [
    ("orders", {}),
    ("orders", {"account": "A"}),
    ("orders", {"symbol": "X"}),
    ("orders", {"status": "NEW"}),
    ("order_updates", {}),
    ("order_updates", {"account": "A"}),
    ("order_updates", {"symbol": "X"}),
    ("executions", {"account": "A"}),
    ("executions", {"symbol": "X"}),
    ("fills", {"account": "A"}),
    ("fills", {"symbol": "X"}),
    ("positions_daily", {"account": "A", "symbol": "X"}),
    ("positions_daily", {}),
    ("alerts", {"account": "A"}),
    ("alerts", {}),
    ("audit", {}),
    ("limit_changes", {"limit_id": "L1"}),
]


@pytest.mark.parametrize(("name", "filters"), INDEXED)
def test_a_page_is_read_from_an_index_in_its_order(reading: Connection, name: str, filters: dict[str, str]) -> None:
    """Neither database looks at all rows, nor sorts them. PostgreSQL would for so few rows, if it were allowed."""
    if reading.dialect.name == "postgresql":
        reading.exec_driver_sql("SET enable_seqscan = off")
        reading.exec_driver_sql("SET enable_sort = off")
        reading.exec_driver_sql("SET enable_bitmapscan = off")
        reading.exec_driver_sql("SET enable_hashjoin = off")
        reading.exec_driver_sql("SET enable_mergejoin = off")
    page = read_page(reading, name, limit=5, filters=filters)
    asked: list[tuple[str, Any]] = []
    sql_event.listen(reading, "before_cursor_execute", lambda _1, _2, statement, parameters, *_: asked.append((statement, parameters)))
    read_page(reading, name, limit=5, filters=filters, cursor=page.next_cursor)
    ((statement, parameters),) = asked
    explain = "EXPLAIN" if reading.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    plan = "\n".join(str(row) for row in reading.exec_driver_sql(f"{explain} {statement}", parameters))
    rows = plan.partition("SCALAR SUBQUERY")[0].partition("SubPlan")[0]  # what is looked up for a row of the page is sorted for itself
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in rows, plan
    assert "TEMP B-TREE" not in rows, plan
    assert "SCAN fill" not in plan, plan


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"name": "orders; DROP TABLE orders"}, "expected one of"),
        ({"filters": {"password": "x"}}, "expected filters among"),
        ({"limit": 0}, "limit: expected 1 to"),
        ({"limit": 10**9}, "limit: expected 1 to"),
        ({"cursor": "no cursor"}, "cursor: expected"),
        ({"cursor": "é"}, "cursor: expected"),
        ({"cursor": "WzEsMl0"}, "cursor: expected"),
    ],
)
def test_what_cannot_be_asked_is_said(reading: Connection, asked: dict[str, Any], found: str) -> None:
    with pytest.raises(UsageError, match=found):
        read_page(reading, **{"name": "alerts", **asked})


def test_who_reads_cannot_write(reading: Connection) -> None:
    with pytest.raises(Exception, match=r"read-?only"):
        reading.exec_driver_sql("DELETE FROM orders")
