"""The file and its URL: version, identity, options, finding a place in a long log."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bus import Bus, RecordColumns, Records, TopicSettings
from schemas.embedded_block import decode, encode
from schemas.embedded_segments import TopicFiles, frames
from schemas.errors import BusError, BusUnavailable, RecordTooLarge, SettingsError
from sinks.embedded import EmbeddedWriter
from tests.bus.contract import everything, in_columns, put, records, seen
from trademaster.bus import open_bus
from trademaster.bus.embedded import EmbeddedBus

columns = st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), min_size=1)


@given(rows=columns, data=st.data())
def test_a_block_gives_back_its_records_wherever_it_is_split(rows: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    keys, values = [key for key, _ in rows], [value for _, value in rows]
    block = decode(3, 100, len(rows), 5, encode(keys, values))
    cut = data.draw(st.integers(0, len(rows)))
    head, tail = block.split(cut)
    assert (head.first_offset, tail.first_offset) == (100, 100 + cut)
    for part, start, end in ((head, 0, cut), (tail, cut, len(rows))):
        assert part.key_list() == keys[start:end]
        assert bytes(part.values) == b"".join(values[start:end])
        assert part.value_sizes.tolist() == [len(value) for value in values[start:end]]


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bus, list[list[bytes]]]]:
    """5,000 rows, so that there are signposts; partition 3 has its records at the start only, partition 2 none."""
    bus = open_bus(f"embedded://{tmp_path_factory.mktemp('long')}")
    bus.create([TopicSettings("t", 4, compacted=False)])
    chance = random.Random(7)
    model: list[list[bytes]] = [[] for _ in range(4)]
    writer = bus.writer()
    for number in range(5000):
        partition = 3 if number < 50 else chance.choice((0, 0, 0, 1))
        rows = [(partition, b"%d" % number)] * chance.randint(1, 3)
        writer.write(records("t", rows))
        model[partition] += [value for _, value in rows]
    writer.close()
    yield bus, model
    bus.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.tuples(*[st.floats(0, 1)] * 4))
def test_any_offset_of_a_long_log_is_found(long_log: tuple[Bus, list[list[bytes]]], places: tuple[float, ...]) -> None:
    bus, model = long_log
    start = {partition: round(place * len(model[partition])) for partition, place in enumerate(places)}
    for partition, offset in start.items():
        reader = bus.reader("t", [partition], start={partition: offset})
        batch = reader.poll(5, 0)
        expected = list(enumerate(model[partition]))[offset : offset + 5]
        assert [(o, value) for _, o, value in (seen(batch) if batch else [])] == expected
        reader.close()
    found = everything(bus, "t", start)
    assert len(found) == sum(len(model[partition]) - offset for partition, offset in start.items())


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    open_bus(f"embedded://{tmp_path}").close()
    with sqlite3.connect(tmp_path / "bus.db") as db:
        db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(BusError, match=r"version 1 .* version 3") as caught:
        open_bus(f"embedded://{tmp_path}")
    assert caught.value.hint


def test_what_is_no_bus_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "bus.db").write_text("not a database, and long enough to be looked at " * 100)
    with pytest.raises(BusError, match="not a database"):
        open_bus(f"embedded://{tmp_path}/text")
    (tmp_path / "other").mkdir()
    with sqlite3.connect(tmp_path / "other" / "bus.db") as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(BusError, match="not one of an embedded bus"):
        open_bus(f"embedded://{tmp_path}/other")
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["bus.db", "upkeep.lock", "write.lock"]


def test_a_new_file_has_a_new_identity_and_users_of_the_old_one_are_told(tmp_path: Path) -> None:
    bus = open_bus(f"embedded://{tmp_path}", patience_s=0.1)
    bus.create([TopicSettings("t", 1, compacted=False)])
    writer, reader, before = bus.writer(), bus.reader("t"), bus.identity()
    for path in tmp_path.iterdir():
        path.unlink()
    again = open_bus(f"embedded://{tmp_path}")
    assert again.identity() != before
    with pytest.raises(BusUnavailable, match="deleted or replaced"):
        reader.poll(10, 10)
    with pytest.raises(BusUnavailable, match="deleted or replaced"):
        bus.partitions("t")
    writer.write(records("t", [(0, b"v")]))
    with pytest.raises(BusUnavailable, match="deleted or replaced"):
        writer.flush(0)
    with pytest.raises(BusUnavailable, match="1 records are kept in memory"):
        writer.close()
    reader.close()
    bus.close()
    again.close()


def test_durable_asks_the_disk_at_each_commit(tmp_path: Path) -> None:
    for url, level in (
        (f"embedded://{tmp_path}?durable=true", 2),
        (f"embedded://{tmp_path}?durable=false", 1),
        (f"embedded://{tmp_path}", 1),
    ):
        bus = open_bus(url)
        bus.create([TopicSettings("t", 1, compacted=False)])
        writer = bus.writer()
        assert isinstance(writer, EmbeddedWriter)
        assert writer._file.db.execute("PRAGMA synchronous").fetchone() == (level,)
        put(bus, records("t", [(0, b"v")]))
        writer.close()
        bus.close()


@pytest.mark.parametrize(
    "url", ["embedded:", "embedded://", "embedded://host/folder", "file:///x", "", "embedded:x?durable=yes", "embedded:x?retention_bytes=0"]
)
def test_a_wrong_url_is_told_with_the_right_form(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        open_bus(url)
    assert "embedded:" in caught.value.hint or "retention_bytes" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_lists_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="durabel=true") as caught:
        open_bus(f"embedded://{tmp_path}/x?durabel=true")
    assert "durable=true|false" in caught.value.hint
    assert "retention_bytes" in caught.value.hint
    with pytest.raises(SettingsError) as caught:
        open_bus("redis://x")
    assert "embedded:FOLDER" in caught.value.hint
    assert "kafka://" in caught.value.hint


def test_a_relative_folder_is_one_place_wherever_the_process_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bus = open_bus("embedded:some%20where/bus")
    monkeypatch.chdir("/")
    bus.create([TopicSettings("t", 1, compacted=False)])
    put(bus, records("t", [(0, b"v")]))
    assert (tmp_path / "some where" / "bus" / "bus.db").exists()
    assert isinstance(bus, EmbeddedBus)
    bus.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BusUnavailable, match="cannot be opened"):
        open_bus(f"embedded://{tmp_path}/file/bus")


@pytest.mark.parametrize("form", [lambda records: records, in_columns])
def test_a_record_beyond_the_bound_is_refused_with_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Callable[[Records], Records | RecordColumns]
) -> None:
    monkeypatch.setattr("sinks.embedded.MAX_RECORD_BYTES", 1000)
    monkeypatch.setattr("sinks.embedded._BLOCK_BYTES", 900)
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 1, compacted=False)])
    writer = bus.writer()
    with pytest.raises(RecordTooLarge, match="1001 bytes"):
        writer.write(form(records("t", [(0, b"good"), (0, b"x" * 1001)])))
    writer.write(form(records("t", [(0, b"x" * 1000)])))
    writer.close()
    assert len(everything(bus, "t")) == 1
    bus.close()


def test_what_cannot_be_written_is_never_queued(tmp_path: Path) -> None:
    """Else it would stand before all that comes after it, for ever."""
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 2, compacted=False)])
    writer = bus.writer()
    with pytest.raises(ValueError, match="equal length"):
        writer.write(Records("t", [0, 0], [b"k"], [b"v", b"w"]))
    with pytest.raises(TypeError):
        writer.write(Records("t", [0, 1], [b"k", b"k"], [b"v", "text"]))  # type: ignore[list-item]
    writer.write(records("t", [(1, b"good")]))
    writer.close()
    assert everything(bus, "t") == [(1, 0, b"good")]
    bus.close()


@pytest.mark.parametrize("form", [lambda records: records, in_columns])
def test_a_large_write_is_cut_into_blocks_and_a_large_read_into_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Callable[[Records], Records | RecordColumns]
) -> None:
    monkeypatch.setattr("sinks.embedded._BLOCK_BYTES", 100)
    monkeypatch.setattr("sources.embedded_segments.FETCH_BYTES", 300)
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 2, compacted=False)])
    rows = [(n % 2, b"%d" % n * 5) for n in range(300)]
    put(bus, form(records("t", rows)))
    found = list(frames((tmp_path / "topic-1.00000001.log").read_bytes(), TopicFiles(tmp_path, 1, 2).start_bytes))
    assert sum(frame.records for frame in found) == 300
    assert all(frame.end - frame.start <= 100 + 8 * frame.records for frame in found)
    reader = bus.reader("t")
    batch = reader.poll(1000, 0)
    assert batch is not None
    assert len(batch) < 100
    reader.close()
    assert sorted((p, v) for p, _, v in everything(bus, "t")) == sorted(rows)
    bus.close()
