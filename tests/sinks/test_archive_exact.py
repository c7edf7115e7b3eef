"""*To the byte*: whatever a record holds, the archive gives it back as it was, and its columns say what JSON says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.archive.columns import Kind, columns_of, schema_of
from schemas.archive.shapes import shape_parts
from schemas.times import parse_time
from schemas.topics import TOPICS
from sinks.archive.scanner import MAX_SHAPES
from sinks.archive.table import archive_table, joined_records
from sources.archive_records import records_of
from tests.schemas.tick_corpus import corpus
from tests.sinks.archive_batches import NUMBERS, TIMES, batch_of, execution, objects, some_ticks

TICK_KEYS = [column.path[-1] for column in columns_of("market.ticks")]
REPORT_KEYS = [column.path[-1] for column in columns_of("orders.events") if column.path[0] == "payload"]


def table_of(topic: str, values: list[bytes]) -> pa.Table:
    return archive_table(joined_records([batch_of(topic, values, [0] * len(values))]))


def assert_exact(topic: str, values: list[bytes]) -> pa.Table:
    table = table_of(topic, values)
    assert table.schema == schema_of(topic)
    found = records_of(topic, table).batch
    assert list(found.values()) == values
    whole = batch_of(topic, values, [0] * len(values))
    assert list(found.keys or ()) == list(whole.keys or ())
    assert found.offset.tolist() == whole.offset.tolist()
    assert found.timestamp_ms.tolist() == whole.timestamp_ms.tolist()
    return table


@given(
    st.lists(
        st.one_of(objects(TICK_KEYS), st.lists(objects(TICK_KEYS), max_size=3).map(lambda many: f"[{' ,'.join(many)}]")),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=120, deadline=None)
def test_ticks_and_arrays_of_them_come_back_to_the_byte(texts: list[str]) -> None:
    assert_exact("market.ticks", [text.encode("utf-8", "surrogatepass") for text in texts])


@given(st.lists(objects(REPORT_KEYS), min_size=1, max_size=5), st.sampled_from(["header", "payload", "payload "]))
@settings(max_examples=80, deadline=None)
def test_events_come_back_to_the_byte(payloads: list[str], key: str) -> None:
    header = '"header":{"eventId":"x","timestamp":"2026-01-02T15:04:05.123456789Z","priority": 2}'
    assert_exact("orders.events", [f'{{{header}, "{key}": {payload}}}'.encode("utf-8", "surrogatepass") for payload in payloads])


@pytest.mark.parametrize("seed", range(3))
def test_a_corpus_of_bad_ticks_comes_back_to_the_byte(seed: int) -> None:
    assert_exact("market.ticks", [*corpus(seed, 400), *some_ticks(seed, 400)])


@pytest.mark.parametrize("topic", TOPICS)
def test_any_json_on_any_topic_comes_back_to_the_byte(topic: str) -> None:
    values = [
        b'{"header":{},"payload":{}}',
        b"{}",
        b"",
        b"7",
        b'{"header":null,"payload":[1]}',
        b'{"payload":{"header":{"eventId":"no"}}}',
        b" {} ",
    ]
    assert_exact(topic, values)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, TIMES), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_columns_say_what_json_says(rows: list[tuple[str, str, str]]) -> None:
    values = [f'{{"timestamp":{time},"price":{price},"sequence":{sequence}}}'.encode() for price, sequence, time in rows]
    table = assert_exact("market.ticks", values)
    for value, price, sequence, time in zip(values, *(table[name].to_pylist() for name in ("price", "sequence")), ns(table), strict=True):
        try:
            said = json.loads(value)
        except ValueError:
            continue
        exact = said["sequence"] if isinstance(said["sequence"], int) and -(2**63) <= said["sequence"] < 2**63 else None
        assert sequence == exact
        assert price == finite(said["price"])
        try:
            assert time == parse_time(said["timestamp"])
        except ValueError:
            assert time % 1_000_000 == 0


def ns(table: pa.Table) -> list[int]:
    found: list[int] = table["time"].cast(pa.int64()).to_pylist()
    return found


def finite(value: Any) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < float("inf") else None


def test_decimals_are_exact_and_remember_their_zeros() -> None:
    values = [
        execution(exec_type="fill", quantity=Decimal(text), price=Decimal(text))
        for text in ("1.50", "-0.000000000000000001", "0", "12345678901234567890.5")
    ]
    table = assert_exact("orders.events", values)
    assert table["quantity"].to_pylist() == [Decimal("1.50"), Decimal("-1E-18"), Decimal(0), Decimal("12345678901234567890.5")]
    assert table["bus_raw"].null_count == len(values)


def test_what_a_column_cannot_say_is_kept_as_bytes_alone() -> None:
    values = [execution(exec_type="fill", quantity=Decimal("1E-19")), execution(exec_type="fill", quantity=Decimal(10) ** 21)]
    table = assert_exact("orders.events", values)
    assert table["quantity"].null_count == 2
    assert table["bus_raw"].to_pylist() == values


def test_what_is_usual_needs_no_bytes_of_its_own() -> None:
    ticks = [b'{"type":"trade","symbol":"A","timestamp":%d,"price":%d.25,"size":1,"venue":"X"}' % (10**18 + at, at) for at in range(1000)]
    table = assert_exact("market.ticks", ticks)
    assert table["bus_raw"].null_count == 1000
    assert len(table["bus_shape"].unique()) == 1


def test_more_shapes_than_there_is_room_for_are_kept_as_bytes() -> None:
    ticks = [b'{"type":"trade","symbol":"A","timestamp":%d,"price":1.25,"id":"%d"}' % (10**18 + at, at) for at in range(1500)]
    table = assert_exact("market.ticks", ticks)
    assert table["bus_raw"].null_count == MAX_SHAPES
    assert table["price"].null_count == 0


def test_columns_are_those_of_the_schemas() -> None:
    kinds = {column.name: column.kind for column in columns_of("portfolio.positions")}
    assert kinds["average_price"] is Kind.DECIMAL
    assert kinds["lots"] is Kind.JSON
    assert kinds["time"] is Kind.TIME
    assert {column.name for column in columns_of("dead.letters")} >= {"payload_topic", "partition", "offset"}
    for topic in TOPICS:
        names = schema_of(topic).names
        assert len(set(names)) == len(names)


def test_a_shape_can_be_read() -> None:
    table = table_of("market.ticks", [b'{"type":"trade", "price":1.50}'])
    assert shape_parts(table["bus_shape"][0].as_py()) == [('{"type":"', 0), ("type", 1), ('", "price":', 0), ("price", 34), ("}", 0)]
