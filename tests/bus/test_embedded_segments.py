"""The files of an ordinary topic: what a death, a power failure, retention and a change of segment leave behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bus import Bus, Records, TopicSettings
from schemas.embedded_log import LogFile
from schemas.embedded_segments import TopicFiles
from schemas.errors import BusError
from sinks.embedded import EmbeddedWriter
from sinks.embedded_upkeep import Upkeep
from tests.bus.contract import Seen, drained, everything, put, records, seen
from trademaster.bus import open_bus

SEGMENT_BYTES = 1000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.embedded_append.SEGMENT_BYTES", SEGMENT_BYTES)


def _bus(folder: Path) -> Bus:
    bus = open_bus(f"embedded://{folder}")
    bus.create([TopicSettings("t", 2, compacted=False)])
    return bus


def _writer(folder: Path) -> EmbeddedWriter:
    """Without a thread for the upkeep."""
    return EmbeddedWriter(LogFile(folder), None)


def _fill(folder: Path, count: int, size: int = 100) -> list[Seen]:
    """A write a record; what shall be read."""
    writer = _writer(folder)
    rows = [(number % 2, number // 2, b"%06d" % number + b"x" * size) for number in range(count)]
    for partition, _, value in rows:
        writer.write(records("t", [(partition, value)]))
    writer.close()
    return rows


def _segments(folder: Path) -> list[int]:
    return TopicFiles(folder, 1, 2).segments()


def _after_power_failure(folder: Path) -> Bus:
    """The next start of the system: whoever opens the folder first checks it."""
    with sqlite3.connect(folder / "bus.db") as db:
        db.execute("UPDATE meta SET value = 'an earlier one' WHERE name = 'boot'")
    db.close()
    return open_bus(f"embedded://{folder}")


@pytest.mark.usefixtures("small")
def test_readers_cross_segments_from_any_offset(tmp_path: Path) -> None:
    bus = _bus(tmp_path)
    live = bus.reader("t")
    rows = _fill(tmp_path, 60)
    assert len(_segments(tmp_path)) > 5
    assert [row for batch in drained(live) for row in seen(batch)] == rows
    live.close()
    for offset in range(30):
        assert everything(bus, "t", {0: offset, 1: 30 - offset}) == [
            (p, o, v) for p, o, v in rows if o >= (offset if p == 0 else 30 - offset)
        ]
    bus.close()


@pytest.mark.usefixtures("small")
def test_what_a_writer_appended_and_did_not_commit_is_never_seen(tmp_path: Path) -> None:
    """As if it were killed between its last two system calls, at every place of a segment."""
    bus = _bus(tmp_path)
    rows: list[Seen] = []
    for number in range(25):
        value = b"%d" % number * 50
        head = (tmp_path / "topic-1.head").read_bytes()
        _write(tmp_path, Records("t", [0, 1], [b"", b""], [b"never", b"seen" * 99]))
        (tmp_path / "topic-1.head").write_bytes(head)
        _write(tmp_path, records("t", [(0, value)]))
        rows.append((0, number, value))
        assert everything(bus, "t") == rows
    assert len(_segments(tmp_path)) > 2
    bus.close()


def _write(folder: Path, written: Records) -> None:
    writer = _writer(folder)
    writer.write(written)
    writer.close()


@pytest.mark.parametrize("turn", [1, 2])
def test_a_slot_that_was_not_written_whole_is_as_if_it_were_not_written(tmp_path: Path, turn: int) -> None:
    bus = _bus(tmp_path)
    rows = _fill(tmp_path, turn)
    path = tmp_path / "topic-1.head"
    before = path.read_bytes()
    _write(tmp_path, records("t", [(0, b"torn")]))
    after = path.read_bytes()
    changed = [at for at in range(len(after)) if before[at] != after[at]]
    path.write_bytes(after[: changed[-1]] + before[changed[-1] :])
    assert everything(bus, "t") == rows
    _write(tmp_path, records("t", [(0, b"again")]))
    assert everything(bus, "t")[-1] == (0, turn // 2 + turn % 2, b"again")
    path.write_bytes(bytes(len(after)))
    with pytest.raises(BusError, match="damaged"):
        bus.state("t")
    bus.close()


@pytest.mark.usefixtures("small")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_power_failure_leaves_a_prefix_and_a_log_that_goes_on(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The head reached the disk, and of the segments what chance wanted."""
    folder = tmp_path_factory.mktemp("bus")
    _bus(folder).close()
    rows = _fill(folder, data.draw(st.integers(1, 30)))
    path = TopicFiles(folder, 1, 2).segment_path(data.draw(st.sampled_from(_segments(folder))))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["cut", "zeros", "byte"]))
    if kind == "cut":
        path.write_bytes(content[:place])
    elif kind == "zeros":
        path.write_bytes(content[:place] + bytes(len(content) - place))
    else:
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
    try:
        bus = _after_power_failure(folder)
    except BusError as error:
        assert path.name.endswith("00000001.log"), "only a first segment without its start leaves nothing to go on from"
        assert place < TopicFiles(folder, 1, 2).start_bytes
        assert "no whole segment" in str(error)  # noqa: PT017 - whether it raises depends on the place
        return
    found = everything(bus, "t")
    assert found == rows[: len(found)]
    if kind == "byte" and place >= TopicFiles(folder, 1, 2).start_bytes:
        assert len(found) < len(rows)
    put(bus, records("t", [(0, b"after")]))
    assert everything(bus, "t") == [*found, (0, sum(1 for p, _, _ in found if p == 0), b"after")]
    bus.close()


@pytest.mark.usefixtures("small")
def test_a_head_that_is_lost_is_made_again_from_the_segments(tmp_path: Path) -> None:
    _bus(tmp_path).close()
    rows = _fill(tmp_path, 30)
    (tmp_path / "topic-1.head").unlink()
    bus = _after_power_failure(tmp_path)
    assert everything(bus, "t") == rows
    bus.close()


@pytest.mark.usefixtures("small")
def test_what_is_known_to_be_on_the_disk_is_not_read_again(tmp_path: Path) -> None:
    _bus(tmp_path).close()
    rows = _fill(tmp_path, 40)
    last = _segments(tmp_path)[-1]
    upkeep = Upkeep(LogFile(tmp_path))
    upkeep.sync(before_s=0.0)
    files = TopicFiles(tmp_path, 1, 2)
    assert files.synced() == 0
    upkeep.sync(before_s=1e12)
    assert files.synced() == last - 1
    upkeep.close()
    segment = files.segment_path(1)
    content = segment.read_bytes()
    segment.write_bytes(content[:-1] + b"y")
    bus = _after_power_failure(tmp_path)
    assert len(everything(bus, "t")) == len(rows)
    bus.close()


@pytest.mark.usefixtures("small")
def test_retention_deletes_whole_segments_and_a_reader_in_one_of_them_is_told_or_goes_on(tmp_path: Path) -> None:
    bus = _bus(tmp_path)
    rows = _fill(tmp_path, 60)
    reader = bus.reader("t")
    first = reader.poll(3, 0)
    assert first is not None
    upkeep = Upkeep(LogFile(tmp_path), retention_bytes=2 * SEGMENT_BYTES)
    upkeep.retain(0)
    upkeep.close()
    assert len(_segments(tmp_path)) <= 4
    kept = everything(bus, "t")
    assert 10 < len(kept) < 20
    assert kept == rows[-len(kept) :]
    with pytest.raises(BusError, match="was to be read"):  # noqa: PT012 - what was fetched before may come first
        while reader.poll(10, 0):
            pass
    reader.seek(bus.state("t").begin)
    assert [row for batch in drained(reader) for row in seen(batch)] == kept
    reader.close()
    bus.close()


@pytest.mark.usefixtures("small")
def test_files_are_closed(tmp_path: Path) -> None:
    def still_open() -> list[str]:
        return [
            target
            for link in Path("/proc/self/fd").iterdir()
            if link.exists() and (target := str(link.readlink())).startswith(str(tmp_path))
        ]

    bus = _bus(tmp_path)
    _fill(tmp_path, 30)
    everything(bus, "t")
    put(bus, records("t", [(0, b"v")]))
    bus.state("t")
    assert still_open()
    bus.close()
    assert still_open() == []
