"""Events become points: the compiled way and the careful way say the same bytes, and what InfluxDB reads is what the event said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.table import INFLUXDB
from schemas.catalog import EVENTS
from schemas.dead_letters import Reason
from schemas.store import Opening
from schemas.times import DAY_NS
from sinks.influx.layout import layout
from sinks.influx.lines import write_lines
from sinks.influx.points import TOPICS, measurement, read_point
from tests.servers.influxdb import InfluxAddress
from tests.sinks.stored_points import TAGS, batch_of, compact, event, expected, snake, stored
from trademaster.influxdb_settings import TOPICS as DEFAULT
from trademaster.settings import Settings
from trademaster.stores import open_store

PAYLOADS = sorted({(row.topic, str(row.event_type), row.payload) for row in EVENTS if row.topic in TOPICS and row.payload}, key=str)
SAMPLE = dict.fromkeys(TOPICS)
NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(["AMZN", "a b", "x,y=z", 'q"q', "back\\slash", "line\nfeed", "é", "end\\"])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12).map(lambda value: format(value, "f"))


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    """What stands on the wire for a field of that type."""
    text = str(kind)
    found: st.SearchStrategy[Any] = NAMES
    if "dict" in text:
        found = st.dictionaries(st.sampled_from(["sma(20)", "macd(12,26,9)", "a b"]), st.none() | NUMBERS, max_size=3)
    elif "Lot" in text:
        found = st.just([])
    elif "Decimal" in text:
        found = DECIMALS | NUMBERS
    elif "float" in text:
        found = NUMBERS
    elif "int" in text and "str" not in text:
        found = st.integers(-(2**62), 2**62)
    return found | st.none() if "None" in text else found


def payloads(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    fields = msgspec.structs.fields(kind)
    return st.fixed_dictionaries({field.encode_name: value_of(field.type) for field in fields})


EVENTS_OF_ANY_KIND = st.sampled_from(PAYLOADS).flatmap(
    lambda row: st.tuples(
        st.just(row[0]),
        st.builds(
            event, st.just(row[0]), st.just(row[1]), NAMES, st.integers(0, 80_000 * DAY_NS), payloads(row[2])
        ),
    )
)  # fmt: skip


def careful(topic: str, value: bytes) -> bytes | Reason:
    from schemas.errors import RejectedRecord

    try:
        return read_point(topic, value).line() + b"\n"
    except RejectedRecord as error:
        return Reason(error.reason)


@given(st.lists(EVENTS_OF_ANY_KIND, min_size=1, max_size=6), st.booleans())
def test_the_compiled_way_says_the_same_bytes(found: list[tuple[str, dict[str, Any]]], spaced: bool) -> None:
    for topic in {topic for topic, _ in found}:
        values = [json.dumps(one).encode() if spaced else compact(one) for name, one in found if name == topic]
        lines, rejects = write_lines(batch_of(topic, values))
        wanted = [careful(topic, value) for value in values]
        written = dict(zip(lines.rows.tolist(), split(lines.data.tobytes(), lines.ends), strict=True))
        assert {row: line for row, line in enumerate(wanted) if isinstance(line, bytes)} == written
        assert [reason for reason in wanted if isinstance(reason, Reason)] == [reject.reason for reject in rejects]


def split(data: bytes, ends: Any) -> Iterator[bytes]:
    start = 0
    for end in ends.tolist():
        yield data[start:end]
        start = end


@given(st.binary(max_size=40), st.integers(0, 300), st.sampled_from([topic for topic in TOPICS if layout(topic)]))
def test_damaged_records_are_refused_by_both(garbage: bytes, at: int, topic: str) -> None:
    whole = compact(sample(topic))
    for value in (whole[:at] + garbage + whole[at:], whole[:at], whole[:at] + garbage + whole[at + len(garbage) :]):
        lines, rejects = write_lines(batch_of(topic, [value, whole]))
        wanted = careful(topic, value)
        assert [reject.reason for reject in rejects] == ([wanted] if isinstance(wanted, Reason) and value else [])
        if isinstance(wanted, bytes):
            assert wanted in set(split(lines.data.tobytes(), lines.ends))


def sample(topic: str) -> dict[str, Any]:
    kind, payload = next((kind, payload) for name, kind, payload in PAYLOADS if name == topic)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(payload):
        if payload.__struct_config__.omit_defaults and field.default is not msgspec.NODEFAULT:
            continue
        text = str(field.type)
        values[field.encode_name] = (
            "1.5" if "Decimal" in text else 2.5 if "float" in text else 3 if "int" in text and "str" not in text else "A"
        )
    return event(topic, kind, "an-id", 1_767_366_245_123_456_789, values)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if layout(topic)])
def test_our_own_events_go_the_compiled_way(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.influx.lines.read_point", lambda *_: pytest.fail("the careful way was asked"))
    lines, rejects = write_lines(batch_of(topic, [compact(sample(topic))] * 3))
    assert (len(lines), rejects) == (3, [])


def test_tags_are_the_named_ones_and_every_topic_of_the_delivery_is_mapped() -> None:
    assert set(TOPICS) == set(INFLUXDB.reads)
    assert set(DEFAULT) < set(TOPICS)
    for topic in TOPICS:
        tags = {snake(tag) for tag in measurement(topic).tags} | ({"type"} if measurement(topic).has_type else set())
        assert tags == set(TAGS[topic].split()), topic


@pytest.mark.timeout(120)
def test_influxdb_reads_what_the_events_say(influxdb: InfluxAddress) -> None:
    """Odd texts, large and small numbers: through the real server and back."""
    bucket, rng = influxdb.new_bucket(), np.random.default_rng(4)
    settings = Settings.model_validate({"influxdb": {"url": influxdb.url, "token": influxdb.token, "bucket": bucket}})
    store = open_store("influxdb", settings, Opening("log", 0, threading.Event()))
    found = []
    odd = ["a b", "x,y", "p=q", 'q"q', "é…", "plain", "sl/ash", "'", "#"]
    for at, (topic, kind, payload) in enumerate(PAYLOADS * 9):
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(payload):
            text = str(field.type)
            name = odd[at % len(odd)] + field.name
            number = float(rng.normal() * 10.0 ** rng.integers(-12, 15))
            values[field.encode_name] = (
                {"sma(20)": number, "macd(12,26,9)": {"signal": 1.5, "x y": None}} if "dict" in text
                else [] if "Lot" in text else format(number, "f") if "Decimal" in text else number if "float" in text
                else int(rng.integers(-(2**40), 2**40)) if "int" in text and "str" not in text else name
            )  # fmt: skip
        found.append((topic, event(topic, kind, f"id-{at}", 1_767_366_245_000_000_000 + int(rng.integers(0, 10**9)), values)))
    try:
        for topic, one in found:
            assert not store.write(batch_of(topic, [compact(one)]))
        assert not store.flush()
    finally:
        store.close()
    assert stored(influxdb, bucket) == expected(found)
