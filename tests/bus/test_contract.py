"""The laws of a bus. Each holds for the embedded log and for a real Kafka."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bus import Bus, Column, Records, TopicSettings
from schemas.errors import BusError, PositionLost, TradeMasterError, UnknownTopic
from tests.bus.contract import (
    WAIT_S,
    by_partition,
    drained,
    everything,
    finished,
    in_columns,
    left,
    new_topic,
    put,
    records,
    sealed,
    seen,
    spawn,
    unsealed,
)
from tests.bus.reader_model import PARTITIONS, Compared, Poll, Step, steps_of_a_reader
from trademaster.bus import open_bus

FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

payloads = st.binary(min_size=1, max_size=20)


@pytest.fixture(params=["embedded", "prefixed", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "kafka":
        return f"kafka://{request.getfixturevalue('kafka').bootstrap}"
    return f"embedded://{tmp_path}/bus" + ("?prefix=replay." if request.param == "prefixed" else "")


@pytest.fixture
def bus(url: str) -> Iterator[Bus]:
    opened = open_bus(url)
    yield opened
    opened.close()


@FEW
@given(steps=steps_of_a_reader, partitions=st.sets(st.integers(0, PARTITIONS - 1), min_size=1))
def test_a_reader_equals_a_list_of_records_by_partition(bus: Bus, steps: list[Step], partitions: set[int]) -> None:
    """Order, offsets, position, seek and resume, for any size of poll and any part of the partitions."""
    compared = Compared(bus, partitions)
    try:
        for step in steps:
            compared.take(step)
        while compared.waiting():
            compared.take(Poll(1000))
        assert compared.reader.end() == compared.next
    finally:
        compared.close()


@FEW
@given(
    batches=st.lists(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"\x00", b"\xff\xfe"]), st.none() | payloads), min_size=1), max_size=6)
)
def test_a_compacted_topic_ends_with_the_last_value_of_each_key(bus: Bus, batches: list[list[tuple[bytes, bytes | None]]]) -> None:
    topic = new_topic(bus, 2, compacted=True)
    writer, latest = bus.writer(), {}
    for batch in batches:
        writer.write(Records(topic, [key[0] % 2 for key, _ in batch], [key for key, _ in batch], [value for _, value in batch]))
        latest.update({key: value or b"" for key, value in batch})
    writer.flush()
    writer.close()
    reader = bus.reader(topic, with_keys=True)
    found: dict[bytes | None, bytes] = {}
    last = {0: -1, 1: -1}
    for got in drained(reader, 3):
        for key, (partition, offset, value) in zip(got.keys or [], seen(got), strict=True):
            assert offset > last[partition]
            last[partition] = offset
            found[key] = value
    reader.close()
    assert {key: value for key, value in found.items() if value} == {key: value for key, value in latest.items() if value}
    assert all(latest[key] == b"" for key in found if key is not None and not found[key])
    assert sum(bus.state(topic).end.values()) == sum(map(len, batches))


@FEW
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, PARTITIONS - 1), st.binary(max_size=20), st.binary(max_size=300)), max_size=40), max_size=4
    ),
    compacted=st.booleans(),
    time_ms=st.none() | st.integers(0, 60_000),
)
def test_columns_are_written_as_records_are(
    bus: Bus, batches: list[list[tuple[int, bytes, bytes]]], compacted: bool, time_ms: int | None
) -> None:
    given_ms = -1 if time_ms is None else time.time_ns() // 1_000_000 - time_ms
    found = []
    for form in (lambda records: records, in_columns):
        topic, writer = new_topic(bus, compacted=compacted), bus.writer()
        for batch in batches:
            writer.write(form(Records(topic, [p for p, _, _ in batch], [k for _, k, _ in batch], [v for _, _, v in batch], given_ms)))
        writer.flush()
        writer.close()
        reader = bus.reader(topic, with_keys=True)
        rows = [(seen(read), read.keys, read.timestamp_ms.tolist()) for read in drained(reader)]
        reader.close()
        found.append(sorted(row for records, keys, times in rows for row in zip(records, keys or [], times, strict=True)))
    assert [row[:2] for row in found[0]] == [row[:2] for row in found[1]]
    assert compacted or len(found[0]) == sum(map(len, batches))
    assert time_ms is None or {row[2] for part in found for row in part} <= {given_ms}


@pytest.mark.parametrize("lengths", [(1, 2, 2), (2, 1, 2), (2, 2, 1)])
def test_columns_of_different_lengths_are_refused(bus: Bus, lengths: tuple[int, int, int]) -> None:
    whole = in_columns(Records(new_topic(bus), [0, 1], [b"a", b"b"], [b"c", b"d"]))
    places, keys, values = lengths
    writer = bus.writer()
    with pytest.raises(ValueError, match="length"):
        writer.write(
            replace(whole, partitions=whole.partitions[:places], keys=whole.keys.part(0, keys), values=whole.values.part(0, values))
        )
    writer.close()


def test_a_column_ends_where_its_last_text_does() -> None:
    """Compiled code would read behind it."""
    with pytest.raises(ValueError, match="3 bytes"):
        Column(np.zeros(3, np.uint8), np.array([1, 4], np.int64))


def test_a_live_reader_of_a_compacted_topic_sees_an_overwritten_key_and_its_tombstone(bus: Bus) -> None:
    topic = new_topic(bus, 1, compacted=True)
    writer, reader = bus.writer(), bus.reader(topic, with_keys=True)
    for number, value in enumerate((b"one", b"two", None)):
        writer.write(Records(topic, [0], [b"key"], [value]))
        writer.flush()
        batch = reader.poll(10, WAIT_S)
        assert batch is not None
        assert seen(batch) == [(0, number, value or b"")]
        assert batch.keys == [b"key"]
    writer.close()
    reader.close()


def test_readers_do_not_disturb_one_another(bus: Bus) -> None:
    topic = new_topic(bus)
    readers = [bus.reader(topic) for _ in range(3)]
    rows = [(i % PARTITIONS, b"%d" % i) for i in range(500)]
    put(bus, records(topic, rows))
    expected = by_partition(everything(bus, topic), PARTITIONS)
    assert [[value for _, value in part] for part in expected] == [[v for p, v in rows if p == n] for n in range(PARTITIONS)]
    for reader, size in zip(readers, (1000, 7, 100), strict=True):
        assert by_partition([record for batch in drained(reader, size) for record in seen(batch)], PARTITIONS) == expected
        reader.close()


def test_who_asks_a_reader_for_the_end_still_gets_what_lies_before_it(bus: Bus) -> None:
    topic = new_topic(bus, 1)
    reader = bus.reader(topic)
    for number in range(3):
        assert reader.poll(10, 0) is None
        put(bus, records(topic, [(0, b"%d" % number)]))
        assert reader.end() == {0: number + 1}
        reader.known_end()
        batch = reader.poll(10, WAIT_S)
        assert batch is not None
        assert seen(batch) == [(0, number, b"%d" % number)]
    reader.close()


def test_a_process_sees_what_another_has_flushed(bus: Bus, url: str) -> None:
    topic = new_topic(bus)
    rows = [(i % PARTITIONS, b"value %d" % i) for i in range(100)]
    put(bus, records(topic, rows))
    program = (
        "import json, sys; from tests.bus.contract import everything; from trademaster.bus import open_bus\n"
        "bus = open_bus(sys.argv[1]); print(json.dumps([[p, o, v.decode()] for p, o, v in everything(bus, sys.argv[2])]))"
    )
    found = [(p, o, v.encode()) for p, o, v in json.loads(finished(spawn(program, url, topic)))]
    assert by_partition(found, PARTITIONS) == by_partition(everything(bus, topic), PARTITIONS)
    assert len(found) == 100


@pytest.mark.parametrize("enough", [1, 500, 3000])
def test_a_writer_killed_in_mid_batch_leaves_whole_records_without_gap(bus: Bus, url: str, enough: int) -> None:
    topic = new_topic(bus)
    program = (
        "import itertools, sys; from tests.bus.contract import records, sealed; from trademaster.bus import open_bus\n"
        "writer = open_bus(sys.argv[1]).writer()\n"
        "for n in itertools.count(0, 50):\n"
        "    writer.write(records(sys.argv[2], [(i % 3, sealed(i // 3, 500)) for i in range(n * 3, (n + 50) * 3)]))\n"
        "    if n % 500 == 0: writer.flush()\n"
    )
    process = spawn(program, url, topic)
    reader = bus.reader(topic)
    count = 0
    while count < enough:
        assert process.poll() is None
        batch = reader.poll(100, WAIT_S)
        assert batch is not None
        count += len(batch)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    reader.close()
    found = by_partition(everything(bus, topic), PARTITIONS)
    for part in found:
        assert [offset for offset, _ in part] == list(range(len(part)))
        assert [unsealed(value) for _, value in part] == list(range(len(part)))
    assert sum(map(len, found)) >= enough
    put(bus, records(topic, [(p, sealed(len(found[p]), 10)) for p in range(PARTITIONS)]))
    after = by_partition(everything(bus, topic), PARTITIONS)
    assert [[unsealed(value) for _, value in part] for part in after] == [list(range(len(part) + 1)) for part in found]


def test_an_empty_poll_returns_at_once(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = bus.reader(new_topic(bus))
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("a poll with timeout 0 slept"))
    assert [reader.poll(10, 0) for _ in range(2000)] == [None] * 2000
    monkeypatch.undo()
    assert reader.poll(10, 0.01) is None
    assert not left(reader)
    reader.close()


def test_a_waiting_poll_gets_what_comes_meanwhile(bus: Bus, url: str) -> None:
    topic = new_topic(bus)
    reader = bus.reader(topic)
    program = (
        "import sys; from tests.bus.contract import put, records; from trademaster.bus import open_bus\n"
        "put(open_bus(sys.argv[1]), records(sys.argv[2], [(1, b'news')]))"
    )
    process = spawn(program, url, topic)
    batch = reader.poll(10, 60)
    finished(process)
    assert batch is not None
    assert seen(batch) == [(1, 0, b"news")]
    reader.close()


def test_large_and_empty_and_binary_records_come_back_as_they_were(bus: Bus) -> None:
    topic = new_topic(bus)
    keys = [b"\x00\xff\xfe key", b"", b"k" * 1000, bytes(range(256))]
    values = [b"before", bytes(range(256)) * (5 * 4096), b"", b"\x00"]
    put(bus, Records(topic, [1, 1, 1, 1], keys, values))
    reader = bus.reader(topic, with_keys=True)
    found = [(key, value) for batch in drained(reader) for key, (_, _, value) in zip(batch.keys or [], seen(batch), strict=True)]
    reader.close()
    assert [value for _, value in found] == values
    assert [key or b"" for key, _ in found] == keys


def test_keys_come_only_to_whom_they_are_promised(bus: Bus) -> None:
    topic = new_topic(bus)
    put(bus, records(topic, [(0, b"v")]))
    reader = bus.reader(topic)
    (batch,) = drained(reader)
    assert batch.keys is None
    reader.close()


def test_the_time_of_a_record_is_the_one_given_or_now(bus: Bus) -> None:
    topic = new_topic(bus, 1)
    before_ms = time.time_ns() // 1_000_000
    put(bus, records(topic, [(0, b"now")]))
    put(bus, records(topic, [(0, b"then")], before_ms - 5000))
    after_ms = time.time_ns() // 1_000_000
    reader = bus.reader(topic)
    now_ms, then_ms = [time_ms for batch in drained(reader) for time_ms in batch.timestamp_ms.tolist()]
    reader.close()
    assert before_ms <= now_ms <= after_ms
    assert then_ms == before_ms - 5000


def test_to_create_again_changes_nothing_and_differences_are_told(bus: Bus) -> None:
    topic = new_topic(bus, 3)
    assert bus.create([TopicSettings(topic, 5, compacted=False)]) == []
    assert bus.partitions(topic) == [0, 1, 2]
    assert bus.differences([TopicSettings(topic, 3, compacted=False)]) == []
    (line,) = bus.differences([TopicSettings(topic, 5, compacted=False)])
    assert topic in line
    assert "partitions" in line
    (line,) = bus.differences([TopicSettings(topic, 3, compacted=True)])
    assert "compact" in line
    (line,) = bus.differences([TopicSettings(f"{topic}.not", 3, compacted=True)])
    assert "trademaster topics create" in line


def _advice(error: TradeMasterError) -> str:
    return f"{error} {error.hint}"


def test_an_unknown_topic_names_the_command_that_creates_it(bus: Bus) -> None:
    with pytest.raises(UnknownTopic) as caught:
        bus.partitions("test.unknown")
    assert "trademaster topics create" in _advice(caught.value)
    with pytest.raises(UnknownTopic):
        bus.state("test.unknown")
    with pytest.raises(UnknownTopic):
        bus.reader("test.unknown")
    with pytest.raises(UnknownTopic) as caught:
        _write_and_flush(bus, "test.unknown", 0)
    assert "trademaster topics create" in _advice(caught.value)


def _write_and_flush(bus: Bus, topic: str, partition: int) -> None:
    writer = bus.writer()
    try:
        writer.write(records(topic, [(partition, b"v")]))
        writer.flush()
    finally:
        writer.close()


def test_a_partition_that_is_not_there_is_refused(bus: Bus) -> None:
    topic = new_topic(bus, 3)
    with pytest.raises(BusError):
        bus.reader(topic, [0, 3])
    with pytest.raises(BusError):
        _write_and_flush(bus, topic, 3)


def _poll_until_it_raises(bus: Bus, topic: str, start: dict[int, int]) -> None:
    reader = bus.reader(topic, start=start)
    try:
        for _ in range(100):
            reader.poll(10, 0.2)
    finally:
        reader.close()


def test_a_position_after_the_end_is_lost(bus: Bus) -> None:
    """The log is another one, or was cut by a power failure: to wait there would pass over records in silence."""
    topic = new_topic(bus)
    put(bus, records(topic, [(0, b"v")]))
    with pytest.raises(PositionLost):
        _poll_until_it_raises(bus, topic, {0: 5})


def test_state_and_identity_are_those_of_the_log(bus: Bus, url: str) -> None:
    topic = new_topic(bus)
    put(bus, records(topic, [(0, b"a"), (2, b"b"), (2, b"c")]))
    other = open_bus(url)
    state = other.state(topic)
    assert (state.topic, state.begin, state.end) == (topic, {0: 0, 1: 0, 2: 0}, {0: 1, 1: 0, 2: 2})
    assert other.identity() == bus.identity() != ""
    other.close()


def test_one_writer_serves_several_topics(bus: Bus) -> None:
    topics = [new_topic(bus, 2) for _ in range(3)]
    writer = bus.writer()
    for number in range(30):
        writer.write(records(topics[number % 3], [(number % 2, b"%d" % number)]))
    writer.flush()
    writer.close()
    for place, topic in enumerate(topics):
        assert sorted(int(value) for _, _, value in everything(bus, topic)) == list(range(place, 30, 3))


def test_sealed_values_show_a_tear() -> None:
    with pytest.raises(AssertionError, match="torn"):
        unsealed(sealed(1, 100)[:-1])
