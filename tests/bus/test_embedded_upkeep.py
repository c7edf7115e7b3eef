"""Retention by time and size, tombstones, and the write-ahead log that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bus import Batch, Bus, Reader, Records, TopicSettings
from schemas.embedded_log import LogFile
from schemas.errors import PositionLost
from sinks.embedded import EmbeddedWriter
from sinks.embedded_upkeep import DAY_MS, Upkeep
from tests.bus.contract import drained, everything, left, new_topic, put, records, seen
from trademaster.bus import open_bus


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    opened = open_bus(f"embedded://{tmp_path}")
    yield opened
    opened.close()


def _write(tmp_path: Path, *written: Records) -> None:
    """Without the thread of a writer, so that only the test's own upkeep is at work."""
    writer = EmbeddedWriter(LogFile(tmp_path), None)
    for one in written:
        writer.write(one)
    writer.close()


def _retain(tmp_path: Path, now_ms: int, retention_bytes: int = 10**10) -> None:
    upkeep = Upkeep(LogFile(tmp_path), retention_bytes)
    upkeep.retain(now_ms)
    upkeep.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages_ms=st.lists(st.integers(0, 2000), max_size=20).map(lambda ages: sorted(ages, reverse=True)))
def test_what_is_older_than_its_topic_keeps_goes_and_nothing_else(bus: Bus, tmp_path: Path, ages_ms: list[int]) -> None:
    topic = f"{new_topic(bus)}.aged"
    bus.create([TopicSettings(topic, 2, compacted=False, retention_ms=1000)])
    now_ms = 1_700_000_000_000
    _write(tmp_path, *(records(topic, [(n % 2, b"%d" % n), (n % 2, b"%d" % n)], now_ms - age) for n, age in enumerate(ages_ms)))
    _retain(tmp_path, now_ms)
    young = [n for n, age in enumerate(ages_ms) if age <= 1000]
    found = everything(bus, topic)
    assert [int(value) for _, _, value in found] == [n for n in young for _ in range(2)]
    state = bus.state(topic)
    for partition in range(2):
        assert [offset for p, offset, _ in found if p == partition] == list(range(state.begin[partition], state.end[partition]))
    assert sum(state.end.values()) == 2 * len(ages_ms)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=20), bound=st.integers(0, 20_000))
def test_the_longest_tail_within_the_bound_of_a_topic_stays(bus: Bus, tmp_path: Path, sizes: list[int], bound: int) -> None:
    topic = f"{new_topic(bus)}.bounded"
    bus.create([TopicSettings(topic, 2, compacted=False, retention_bytes=bound)])
    _write(tmp_path, *(Records(topic, [n % 2], [b""], [b"x" * size]) for n, size in enumerate(sizes)))
    _retain(tmp_path, 0)
    stored = [size + 8 for size in sizes]
    kept = max(count for count in range(len(sizes) + 1) if sum(stored[len(sizes) - count :]) <= bound)
    assert [len(value) for _, _, value in everything(bus, topic)] == sizes[len(sizes) - kept :]


def test_the_bound_of_the_file_takes_the_oldest_of_all_topics_and_spares_the_compacted(bus: Bus, tmp_path: Path) -> None:
    one, two, compacted = new_topic(bus, 1), new_topic(bus, 1), new_topic(bus, 1, compacted=True)
    for n in range(100):
        topic = (one, two)[n % 2]
        _write(tmp_path, Records(topic, [0], [b""], [b"%03d" % n + b"x" * 997], 10_000 * n))
    _write(tmp_path, Records(compacted, [0], [b"key"], [b"x" * 100_000], 1))
    _retain(tmp_path, 1_000_000, retention_bytes=20_000)
    kept = sorted(int(value[:3]) for topic in (one, two) for _, _, value in everything(bus, topic))
    assert kept == list(range(100 - len(kept), 100))
    assert 15 <= len(kept) <= 19
    assert len(everything(bus, compacted)) == 1


def test_an_emptied_topic_goes_on_with_its_offsets_and_its_readers(bus: Bus, tmp_path: Path) -> None:
    topic = new_topic(bus, 1)
    reader = bus.reader(topic)
    _write(tmp_path, records(topic, [(0, b"a"), (0, b"b")], 1000))
    assert len(drained(reader)) == 1
    _retain(tmp_path, 1000 + 40 * DAY_MS)
    assert everything(bus, topic) == []
    assert bus.state(topic).begin == bus.state(topic).end == {0: 2}
    _write(tmp_path, records(topic, [(0, b"c")]))
    batch = reader.poll(10, 10)
    assert batch is not None
    assert seen(batch) == [(0, 2, b"c")]
    reader.close()


@pytest.mark.parametrize("again", [False, True], ids=["all gone", "some written since"])
def test_a_reader_that_retention_overtook_is_told_and_told_again(bus: Bus, tmp_path: Path, again: bool) -> None:
    topic = new_topic(bus, 2)
    _write(tmp_path, *(records(topic, [(n % 2, b"%d" % n)], 1000) for n in range(10)))
    reader = bus.reader(topic)
    first = reader.poll(3, 0)
    assert first is not None
    _retain(tmp_path, 1000 + 40 * DAY_MS)
    if again:
        _write(tmp_path, records(topic, [(0, b"new"), (1, b"new")]))
    rest = 0
    while rest < 10 and (batch := _poll_or_none(reader)) is not None:
        rest += len(batch)
    assert rest in (0, 7), "what was fetched before may come, nothing else"
    for _ in range(2):
        if rest == 0:
            with pytest.raises(PositionLost, match="was to be read"):
                reader.poll(10, 0)
    reader.seek(bus.state(topic).begin)
    assert len(drained(reader)) == int(again)
    reader.close()


def test_a_partition_that_lost_its_tail_is_told_after_what_the_others_have(bus: Bus, tmp_path: Path) -> None:
    topic = new_topic(bus, 2)
    _write(tmp_path, *(records(topic, [(p, b"v")], time_ms) for p, time_ms in ((0, 1000), (1, 1000), (1, 1000), (0, 50 * DAY_MS))))
    reader = bus.reader(topic)
    assert [seen(batch) for batch in (reader.poll(1, 0),) if batch] == [[(0, 0, b"v")]]
    _retain(tmp_path, 50 * DAY_MS)
    assert [seen(batch) for batch in (reader.poll(10, 0),) if batch] == [[(0, 1, b"v")]]
    with pytest.raises(PositionLost, match="of partition 1; 0 was to be read"):
        reader.poll(10, 0)
    reader.close()


def _poll_or_none(reader: Reader) -> Batch | None:
    try:
        return reader.poll(10, 0)
    except PositionLost:
        return None


def test_tombstones_stay_a_day_and_their_place_is_passed(bus: Bus, tmp_path: Path) -> None:
    topic = new_topic(bus, 1, compacted=True)
    _write(tmp_path, Records(topic, [0, 0, 0], [b"a", b"b", b"b"], [b"1", b"2", None], 1000))
    _retain(tmp_path, 1000 + DAY_MS)
    assert everything(bus, topic) == [(0, 0, b"1"), (0, 2, b"")]
    _retain(tmp_path, 1001 + DAY_MS)
    reader = bus.reader(topic)
    assert [seen(batch) for batch in drained(reader)] == [[(0, 0, b"1")]]
    assert not left(reader)
    assert reader.position() == {0: 3}
    reader.close()
    _retain(tmp_path, 10**15)
    assert everything(bus, topic) == [(0, 0, b"1")], "the latest of a key is kept for ever"


def test_a_checkpoint_starts_the_write_ahead_log_anew_under_a_reader(bus: Bus, tmp_path: Path) -> None:
    topic = new_topic(bus, 1, compacted=True)
    reader = bus.reader(topic)
    wal = tmp_path / "bus.db-wal"
    upkeep = Upkeep(LogFile(tmp_path))
    count = 0
    for turn in range(3):
        _write(tmp_path, *(Records(topic, [0], [b"%d" % (20 * turn + n)], [b"x" * 1_000_000]) for n in range(20)))
        batch = reader.poll(5, 0)
        assert batch is not None
        count += len(batch)
        assert wal.stat().st_size > 16_000_000
        upkeep.checkpoint()
        assert wal.stat().st_size == 0
    upkeep.close()
    assert count + sum(map(len, drained(reader))) == 60
    reader.close()


def test_a_writer_of_the_bus_applies_the_bound_by_itself(tmp_path: Path) -> None:
    bus = open_bus(f"embedded://{tmp_path}?retention_bytes=50000")
    bus.create([TopicSettings("t", 1, compacted=False)])
    put_first = records("t", [(0, b"x" * 10_000)])
    for _ in range(10):
        put(bus, put_first)
    writer = bus.writer()
    probe = LogFile(tmp_path)
    topic = probe.topic("t")
    while (head := probe.head(topic)).bytes > 50_000:
        while not probe.files(topic).changed(head):
            pass
    probe.close()
    writer.close()
    assert 1 <= len(everything(bus, "t")) <= 4
    bus.close()
