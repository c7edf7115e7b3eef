"""``trademaster history``: answers, what is opened for them, and what it says of a query that cannot be answered."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from schemas.archive.layout import HOUR_NS
from schemas.errors import InputFileError, UsageError
from schemas.times import DAY_NS, END_OF_TIME_NS
from sinks.parquet import ArchiveSettings, ParquetStore
from tests.sinks.archive_batches import START_NS, batch_of, execution
from tests.sinks.test_parquet_store import opening
from trademaster.cli import execute
from trademaster.history import History, held
from trademaster.history_bounds import ALL, Bounds, bounds_of
from trademaster.history_output import print_answer

TICKS = 4_000
STEP_NS = 60_000_000_001


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Nearly three days of ticks, one a minute, and two fills."""
    folder = tmp_path_factory.mktemp("archive")
    store = ParquetStore(ArchiveSettings(str(folder), quiet_s=0.0), opening())
    tick = b'{"type":"trade","symbol":"S%d","timestamp":%d,"price":%d.5,"size":1}'
    ticks = [tick % (at % 4, START_NS + at * STEP_NS, at) for at in range(TICKS)]
    store.write(batch_of("market.ticks", ticks, [at % 4 for at in range(TICKS)]))
    store.write(batch_of("orders.events", [execution(exec_type="fill", quantity="1.50", price="2"), execution(exec_type="new")], [0, 0]))
    store.flush()
    return str(folder)


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in History(url).query(sql).rows]


def test_a_query_is_answered_from_the_rows_that_it_names(url: str) -> None:
    assert rows(url, "SELECT count(*), sum(price) FROM market_ticks") == [(TICKS, sum(at + 0.5 for at in range(TICKS)))]
    day_ns = START_NS // DAY_NS * DAY_NS + DAY_NS
    of_day = [at for at in range(TICKS) if day_ns <= START_NS + at * STEP_NS < day_ns + DAY_NS and at % 4 == 1]
    for condition in ("date = '2026-09-22'", "time >= '2026-09-22' AND time < TIMESTAMP '2026-09-23 00:00:00'"):
        found = rows(url, f"SELECT count(*), min(price), max(price) FROM market_ticks WHERE symbol = 'S1' AND {condition}")
        assert found == [(len(of_day), of_day[0] + 0.5, of_day[-1] + 0.5)]
    joined = "SELECT count(*) FROM market_ticks JOIN orders_events ON market_ticks.bus_offset = orders_events.bus_offset"
    assert rows(url, joined) == [(2,)]


def test_times_have_their_nanoseconds_and_decimals_their_value(url: str) -> None:
    (time,) = rows(url, "SELECT time FROM market_ticks WHERE bus_offset = 1")[0]
    assert (int(time), str(time)) == (START_NS + STEP_NS, "2026-09-21T14:14:20.000000001Z")
    lines = printed(url, "SELECT quantity, exec_type, bus_key FROM orders_events ORDER BY bus_offset", "json").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"quantity": "1.5", "exec_type": "fill", "bus_key": "key-0"},
        {"quantity": None, "exec_type": "new", "bus_key": "key-1"},
    ]


def printed(url: str, sql: str, form: str) -> str:
    out = io.StringIO()
    print_answer(History(url).query(sql), form, out)
    return out.getvalue()


def test_rows_are_printed_as_a_table_and_as_csv(url: str) -> None:
    sql = "SELECT symbol, price FROM market_ticks WHERE bus_offset < 2 ORDER BY price"
    assert printed(url, sql, "csv") == "symbol,price\nS0,0.5\nS1,1.5\n"
    assert printed(url, sql, "table") == "symbol  price\n------  -----\nS0      0.5\nS1      1.5\n2 rows\n"


@pytest.mark.parametrize(
    ("condition", "bounds"),
    [
        ("date = '1970-01-03'", Bounds(2 * DAY_NS, 3 * DAY_NS)),
        ("'1970-01-03' <= date AND symbol = 'A'", Bounds(2 * DAY_NS)),
        ("t.date > DATE '1970-01-03'", Bounds(3 * DAY_NS)),
        ("time < '1970-01-01 01:00:00'", Bounds(end_ns=HOUR_NS)),
        ("time <= '1970-01-01 01:00:00'", Bounds(end_ns=HOUR_NS + 1)),
        ("time BETWEEN '1970-01-01 01:00:00' AND '1970-01-02' AND price > 1", Bounds(HOUR_NS, DAY_NS + 1)),
        ("time NOT BETWEEN '1970-01-01 01:00:00' AND '1970-01-02'", ALL),
        ("time >= '1970-01-03' OR symbol = 'A'", ALL),
        ("NOT time >= '1970-01-03'", ALL),
        ("time <> '1970-01-03'", ALL),
        ("time >= now()", ALL),
        ("time >= 'no time'", ALL),
        ("price > 1", ALL),
    ],
)
def test_bounds_are_what_a_query_cannot_want_to_leave(condition: str, bounds: Bounds) -> None:
    assert bounds_of(duckdb.connect(), f"SELECT * FROM market_ticks t WHERE {condition}") == bounds


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM a JOIN b ON a.x = b.x WHERE date = '1970-01-03'",
        "SELECT 1 FROM a WHERE date = '1970-01-03' UNION SELECT 2 FROM a",
        "WITH a AS (SELECT * FROM b) SELECT * FROM a WHERE date = '1970-01-03'",
        "SELECT (SELECT count(*) FROM market_ticks) FROM market_bars",
        "nonsense",
    ],
)
def test_other_queries_see_all_times(sql: str) -> None:
    assert bounds_of(duckdb.connect(), sql) == (0, END_OF_TIME_NS)


def test_a_subquery_is_not_bound_by_the_query_around_it(url: str) -> None:
    sql = "SELECT (SELECT count(*) FROM market_ticks) FROM market_ticks WHERE date = '2026-09-22' LIMIT 1"
    assert rows(url, sql) == [(TICKS,)]


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("SELECT * FROM market_tick", "'market_tick'", "did you mean market_ticks? tables with records: market_ticks, orders_events"),
        ("SELECT nothing FROM market_ticks", "nothing", "columns"),
        ("SELEC 1", "cannot be answered", "columns"),
        ("DELETE FROM market_ticks", "reads, found DELETE", "SELECT"),
        ("COPY (SELECT 1) TO 'x.csv'", "reads, found COPY", "SELECT"),
        ("SELECT 1; SELECT 2", "one query, found 2", "such as"),
        ("", "one query, found 0", "such as"),
    ],
)
def test_what_cannot_be_answered_is_told(url: str, sql: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")) as caught:
        list(History(url).query(sql).rows)
    assert hint in caught.value.hint


def test_a_topic_without_records_has_no_rows(url: str) -> None:
    assert rows(url, "SELECT * FROM portfolio_pnl") == []
    assert rows(url, "SELECT symbol, hour FROM market_ticks WHERE date = '1999-01-01'") == []


def test_files_of_an_earlier_version_have_fewer_columns(url: str, tmp_path: Path) -> None:
    for name in ("orders.events",):
        for file in (Path(url) / f"topic={name}").rglob("*.parquet"):
            old = tmp_path / "archive" / file.relative_to(url)
            old.parent.mkdir(parents=True)
            table = pq.read_table(file, partitioning=None)
            pq.write_table(table.drop_columns(["fee"]), old, store_schema=False)
            later = old.with_name(old.name.replace("0-0", "0-1", 1))
            pq.write_table(table, later, store_schema=False)
            old.rename(old.with_name(old.name.replace("00001-", "00000-", 1)))
    (tmp_path / "archive" / "archive.json").write_bytes((Path(url) / "archive.json").read_bytes())
    assert rows(str(tmp_path / "archive"), "SELECT count(*), count(fee) FROM orders_events")[0][0] == 4


def test_tables_are_listed(url: str) -> None:
    lines = list(held(url))
    assert [line.split()[0] for line in lines] == ["market_ticks", "orders_events"]
    assert "from=2026-09-21T14h to=2026-09-24T08h" in lines[0]


def test_there_is_no_archive_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputFileError):
        History(str(tmp_path))
    assert execute(["history", "query", "SELECT 1", "--archive", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "found none yet" in said
    assert "trademaster run archive" in said


def test_the_command_prints_rows(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["history", "query", "SELECT 1 AS one", "--archive", url, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "one\n1\n"
    assert execute(["history", "tables", "--archive", url]) == 0
    assert "market_ticks" in capsys.readouterr().out
