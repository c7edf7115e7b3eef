"""Retention by time and size, compaction, tombstones."""

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
from sinks.embedded_compaction import DAY_MS, compact
from sinks.embedded_upkeep import Upkeep
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


def _compact(tmp_path: Path, now_ms: int = 0) -> None:
    upkeep = Upkeep(LogFile(tmp_path))
    upkeep.compact(now_ms, at_once=True)
    upkeep.close()


def test_tombstones_stay_a_day_and_their_place_is_passed(bus: Bus, tmp_path: Path) -> None:
    topic = new_topic(bus, 1, compacted=True)
    _write(tmp_path, Records(topic, [0, 0, 0], [b"a", b"b", b"b"], [b"1", b"2", None], 1000))
    _compact(tmp_path, 1000 + DAY_MS)
    assert everything(bus, topic) == [(0, 0, b"1"), (0, 2, b"")]
    _compact(tmp_path, 1001 + DAY_MS)
    assert everything(bus, topic) == [(0, 0, b"1"), (0, 2, b"")], "nothing was written since"
    _write(tmp_path, Records(topic, [0], [b"c"], [b"3"], 1000))
    _compact(tmp_path, 1001 + DAY_MS)
    _write(tmp_path, Records(topic, [0], [b"c"], [b"4"], 1000))
    reader = bus.reader(topic)
    assert [row for batch in drained(reader) for row in seen(batch)] == [(0, 0, b"1"), (0, 3, b"3"), (0, 4, b"4")]
    assert not left(reader)
    reader.close()
    _retain(tmp_path, 10**15)
    _compact(tmp_path, 10**15)
    assert everything(bus, topic) == [(0, 0, b"1"), (0, 4, b"4")], "the latest of a key is kept for ever"


compacted_steps = st.lists(
    st.one_of(
        st.just("compact"),
        st.lists(
            st.tuples(st.integers(0, 1), st.sampled_from([b"a", b"b", b"c"]), st.binary(min_size=1, max_size=9)), min_size=1, max_size=6
        ),
        st.tuples(st.integers(0, 2), st.integers(1, 5)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=compacted_steps)
def test_readers_of_a_compacted_topic_get_the_latest_of_each_key_in_order(
    bus: Bus, tmp_path: Path, steps: list[str | tuple[int, int] | list[tuple[int, bytes, bytes]]]
) -> None:
    """Three that read at their own pace, while it is written and compacted; each record as it was written, at its offset."""
    topic = new_topic(bus, 2, compacted=True)
    readers = [bus.reader(topic, with_keys=True) for _ in range(3)]
    found: list[list[tuple[int, int, bytes, bytes]]] = [[] for _ in readers]
    written: list[tuple[int, int, bytes, bytes]] = []
    ends = [0, 0]

    def take(number: int, count: int) -> bool:
        batch = readers[number].poll(count, 0)
        if batch is not None:
            found[number] += [(p, o, key or b"", value) for (p, o, value), key in zip(seen(batch), batch.keys or [], strict=True)]
        return batch is not None

    for step in steps:
        if step == "compact":
            _compact(tmp_path)
        elif isinstance(step, tuple):
            take(*step)
        elif isinstance(step, list):
            _write(tmp_path, Records(topic, [p for p, _, _ in step], [k for _, k, _ in step], [v for _, _, v in step]))
            for partition, key, value in step:
                written.append((partition, ends[partition], key, value))
                ends[partition] += 1
    latest = {(partition, key): (partition, offset, key, value) for partition, offset, key, value in written}
    for number, reader in enumerate(readers):
        while take(number, 7):
            pass
        assert reader.position() == reader.end() == dict(enumerate(ends))
        reader.close()
        assert set(latest.values()) <= set(found[number]) <= set(written)
        for partition in range(2):
            offsets = [o for p, o, _, _ in found[number] if p == partition]
            assert offsets == sorted(set(offsets))
    _compact(tmp_path)
    assert sorted(everything(bus, topic)) == sorted((p, o, value) for p, o, _, value in latest.values())


def test_a_topic_is_compacted_when_it_has_grown(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.embedded_compaction.LEAST_BYTES", 1000)
    topic = new_topic(bus, 1, compacted=True)
    sizes = []
    for number in range(60):
        _write(tmp_path, Records(topic, [0], [b"%d" % (number % 5)], [b"%03d" % number + b"x" * 97]))
        upkeep = Upkeep(LogFile(tmp_path))
        upkeep.compact(0)
        upkeep.close()
        sizes.append(sum(path.stat().st_size for path in tmp_path.glob("topic-*") if path.suffix != ".head"))
    assert max(sizes) < 6000, "five keys, and at most four times as much of what is not the latest"
    assert sorted(int(value[:3]) for _, _, value in everything(bus, topic))[-5:] == [55, 56, 57, 58, 59]


def test_a_compaction_without_room_leaves_all_as_it_was(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = new_topic(bus, 1, compacted=True)
    for number in range(10):
        _write(tmp_path, Records(topic, [0], [b"%d" % (number % 3)], [b"%d" % number]))
    before = everything(bus, topic)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("schemas.embedded_base.BaseWriter.write", full)
        with pytest.raises(OSError, match="No space"):
            _compact(tmp_path)
    assert everything(bus, topic) == before
    assert not list(tmp_path.glob("*.base"))
    _compact(tmp_path)
    assert [value for _, _, value in everything(bus, topic)] == [b"7", b"8", b"9"]


@pytest.mark.parametrize("step", ["write_head", "sync_head", "segments"])
def test_a_compaction_that_dies_in_between_harms_nothing(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    topic = new_topic(bus, 1, compacted=True)
    reader = bus.reader(topic)

    class Killed(BaseException): ...

    def die(*_: object, **__: object) -> None:
        raise Killed

    for turn in range(3):
        _write(tmp_path, Records(topic, [0] * 4, [b"a", b"b", b"c", b"a"], [b"%d" % (10 * turn + number) for number in range(4)]))
        first = reader.poll(1, 0)
        assert first is not None
        with monkeypatch.context() as patched:
            patched.setattr(f"schemas.embedded_segments.TopicFiles.{step}", die)
            with pytest.raises(Killed):
                compact(LogFile(tmp_path), LogFile(tmp_path).topic(topic), 0)
        assert everything(bus, topic)[-3:] == [(0, 4 * turn + 1 + at, b"%d" % (10 * turn + 1 + at)) for at in range(3)]
    _write(tmp_path, Records(topic, [0], [b"a"], [b"30"]))
    _compact(tmp_path)
    assert [value for _, _, value in everything(bus, topic)] == [b"21", b"22", b"30"]
    assert [value for batch in drained(reader) for _, _, value in seen(batch)][-3:] == [b"21", b"22", b"30"]
    reader.close()
    assert len(list(tmp_path.glob("*.base"))) == len(list(tmp_path.glob("*.log"))) == 1


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
