"""*Once, whatever happens*: the archive holds what was written, however it was cut, where it died, and while its disk was full."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas.archive.folder import DiskFolder, read_log
from schemas.archive.layout import HOUR_NS, ArchiveFile, parse_path, split_contained
from schemas.bus import Batch
from schemas.errors import InputFileError, StoreError, StoreInterrupted, UsageError
from schemas.store import Opening
from sinks.archive.retention import remove_expired
from sinks.parquet import ArchiveSettings, ParquetStore
from sources.archive import open_archive
from tests.full_disk import room
from tests.sinks.archive_batches import START_NS, batch_of, part, some_ticks

TOPIC = "market.ticks"
COUNT = 200
VALUES = some_ticks(7, COUNT)
PARTITIONS = [at * at % 3 for at in range(COUNT)]
WHOLE = batch_of(TOPIC, VALUES, PARTITIONS)


class Killed(BaseException):
    """The process died here."""


class MortalFolder(DiskFolder):
    """Dies at a call: before it did anything, half-way, or behind it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder_path = folder
        self.calls_left = -1
        self.how = ""

    def put(self, path: str, data: pa.Buffer) -> None:
        self._die("before")
        if self.calls_left == 0 and self.how == "half":
            half = self._folder_path / path
            half.parent.mkdir(parents=True, exist_ok=True)
            half.with_name(f".{half.name}.half").write_bytes(bytes(data)[: data.size // 2])
            raise Killed
        super().put(path, data)
        self._die("behind")
        self.calls_left -= 1

    def remove(self, path: str) -> None:
        self._die("before")
        super().remove(path)
        self._die("behind")
        self.calls_left -= 1

    def _die(self, when: str) -> None:
        if self.calls_left == 0 and self.how == when:
            raise Killed


def opening(log: str = "log", process: int = 0) -> Opening:
    return Opening(log, process, threading.Event())


def store_in(folder: Path, **changes: Any) -> ParquetStore:
    return ParquetStore(ArchiveSettings(str(folder), **{"quiet_s": 0.0, **changes}), opening())


def mortal(store: ParquetStore, folder: Path, calls: int, how: str) -> None:
    """From now on the store dies at its so manyth change of a file."""
    found = MortalFolder(folder)
    store._folder = found
    for shelf in store._shelves.values():
        shelf._folder = found
    found.calls_left, found.how = calls, how


def held(folder: Path | str) -> dict[int, tuple[bytes | None, bytes, int]]:
    """Key, value and append time by offset."""
    archive, found = open_archive(str(folder)), {}
    for partition in range(3):
        for records in archive.records(TOPIC, partition):
            batch = records.batch
            assert batch.offset.tolist() == sorted(set(batch.offset.tolist()))
            for offset, key, value, when in zip(
                batch.offset.tolist(), batch.keys or (), batch.values(), batch.timestamp_ms.tolist(), strict=True
            ):
                assert offset not in found
                assert PARTITIONS[offset] == partition
                found[offset] = key, value, when
    assert archive.incomplete == 0
    return found


def wanted(count: int = COUNT) -> dict[int, tuple[bytes | None, bytes, int]]:
    assert WHOLE.keys is not None
    return {at: (WHOLE.keys[at], VALUES[at], int(WHOLE.timestamp_ms[at])) for at in range(count)}


@contextmanager
def a_folder() -> Iterator[Path]:
    """hypothesis wants a fresh one for each example."""
    memory_disk = "/dev/shm" if Path("/dev/shm").is_dir() else None  # else each file waits for a disk
    folder = Path(tempfile.mkdtemp(prefix="trademaster-archive-", dir=memory_disk))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def batches(start: int, sizes: Sequence[int]) -> Iterator[Batch]:
    """All records from ``start`` on, cut as ``sizes`` say, again and again."""
    number = 0
    while start < COUNT:
        stop = min(COUNT, start + sizes[number % len(sizes)])
        yield part(WHOLE, start, stop)
        start, number = stop, number + 1


SIZES = st.lists(st.integers(1, 120), min_size=1, max_size=5)
DEATHS = st.lists(st.tuples(st.integers(0, 25), st.sampled_from(["before", "half", "behind"]), SIZES, st.integers(1, 4)), max_size=4)


@given(DEATHS, SIZES, st.sampled_from([1 << 12, 1 << 20]), st.sampled_from([0.0, 1e9]))
@settings(max_examples=25, deadline=None)
def test_however_cut_and_wherever_it_died_all_is_there_once(
    deaths: list[tuple[int, str, list[int], int]], sizes: list[int], buffer_bytes: int, quiet_s: float
) -> None:
    with a_folder() as folder:
        flushed = 0
        for calls, how, cut, flush_every in deaths:
            store = store_in(folder, buffer_bytes=buffer_bytes, quiet_s=quiet_s, file_bytes=20_000)
            mortal(store, folder, calls, how)
            flushed = run_until_death(store, flushed, cut, flush_every)
        store = store_in(folder, buffer_bytes=buffer_bytes, quiet_s=quiet_s, file_bytes=20_000)
        for batch in batches(flushed, sizes):
            store.write(batch)
        store.flush()
        assert held(folder) == wanted()
        if deaths:
            assert not split_contained(DiskFolder(folder).files())[1]
            assert not list(folder.rglob("*.half")) or flushed == COUNT


def run_until_death(store: ParquetStore, start: int, cut: list[int], flush_every: int) -> int:
    """Write from where the last flush ended; where the last flush of this life ended."""
    written = flushed = start
    try:
        for number, batch in enumerate(batches(start, cut)):
            store.write(batch)
            written += len(batch)
            if number % flush_every == 0:
                store.flush()
                flushed = written
    except Killed:
        pass
    return flushed


@given(SIZES, st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_processes_may_share_the_partitions_anew_each_time(sizes: list[int], processes: int) -> None:
    with a_folder() as folder:
        for count in (processes, 2, 1):
            stores = [ParquetStore(ArchiveSettings(str(folder), quiet_s=0.0), opening(process=process)) for process in range(count)]
            for batch in batches(0, sizes):
                for process, store in enumerate(stores):
                    mine = [at for at in range(len(batch)) if batch.partition[at] % count == process]
                    store.write(chosen(batch, mine))
            for store in stores:
                store.flush()
        assert held(folder) == wanted()


def chosen(batch: Batch, places: list[int]) -> Batch:
    values = [batch.value(at) for at in places]
    assert batch.keys is not None
    partition, offset, appended_ms = (getattr(batch, name)[places] for name in ("partition", "offset", "timestamp_ms"))
    ends = pa.array([len(value) for value in values], pa.int64()).to_numpy().cumsum()
    return Batch(TOPIC, memory(b"".join(values)), ends, partition, offset, appended_ms, [batch.keys[at] for at in places])


def memory(raw: bytes) -> Any:
    return pa.array(list(raw), pa.uint8()).to_numpy(zero_copy_only=False)


def test_a_range_of_time_is_what_records_of_that_time_say(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.write(WHOLE)
    store.flush()
    archive = open_archive(str(tmp_path))
    start_ns, end_ns = START_NS + HOUR_NS // 2, START_NS + 2 * HOUR_NS
    for partition in range(3):
        rows = [row for table in archive.tables(TOPIC, partition) for row in table.select(["bus_offset", "time"]).cast(TIMES).to_pylist()]
        expected = sorted({row["bus_offset"] for row in rows if start_ns <= row["time"] < end_ns})
        found = list(archive.records(TOPIC, partition, start_ns, end_ns))
        assert [offset for one in found for offset in one.batch.offset.tolist()] == expected
        assert [value for one in found for value in one.batch.values()] == [VALUES[offset] for offset in expected]
        keyed = archive.records(TOPIC, partition, start_ns, end_ns, keys={b"key-0", b"key-3"})
        assert {key for one in keyed for key in one.batch.keys or ()} <= {b"key-0", b"key-3"}
    assert archive.incomplete == 0


TIMES = pa.schema([("bus_offset", pa.int64()), ("time", pa.int64())])


def test_rows_lie_in_the_hour_of_their_time_in_the_order_of_offsets(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.write(WHOLE)
    store.flush()
    archive = open_archive(str(tmp_path))
    assert len({file.hour for file in archive.files()}) > 5
    for file in archive.files():
        table = pq.read_table(tmp_path / file.path)
        assert set(table["time"].cast(pa.int64()).to_numpy() // HOUR_NS) == {file.hour}
        places = list(zip(table["bus_offset"].to_pylist(), table["bus_index"].to_pylist(), strict=True))
        assert places == sorted(places)
        assert (file.first, file.last) == (places[0][0], places[-1][0])
        assert set(table["bus_partition"].to_pylist()) == {file.partition}


def test_small_files_are_joined_while_they_come_and_when_nothing_comes(tmp_path: Path) -> None:
    busy = store_in(tmp_path, quiet_s=1e9)
    for batch in batches(0, [2]):
        busy.write(batch)
        busy.flush()
    counts = [len(files) for files in by_hour(tmp_path).values()]
    assert max(counts) < 8
    quiet = store_in(tmp_path)
    quiet.write(part(WHOLE, 0, COUNT))
    quiet.flush()
    assert {len(files) for files in by_hour(tmp_path).values()} == {1}
    assert held(tmp_path) == wanted()


def by_hour(folder: Path) -> dict[tuple[int, int], list[ArchiveFile]]:
    found: dict[tuple[int, int], list[ArchiveFile]] = {}
    for file in DiskFolder(folder).files():
        found.setdefault((file.hour, file.partition), []).append(file)
    return found


def test_a_full_disk_is_waited_for_and_told_once(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.write(part(WHOLE, 0, 100))
    failed = threading.Event()
    store._outage._stopping = Waited(failed)
    with capture_logs() as told:
        with room(1000):
            flushing = threading.Thread(target=store.flush)
            flushing.start()
            assert failed.wait(30)
            assert not DiskFolder(tmp_path).files()
            assert not list(tmp_path.rglob("*.half")), "it leaves room to others"
        flushing.join(30)
    assert not flushing.is_alive()
    assert [line["event"] for line in told] == ["archive out of reach", "archive in reach again"]
    store.write(part(WHOLE, 100, COUNT))
    store.flush()
    assert held(tmp_path) == wanted()


class Waited(threading.Event):
    """Notes that three tries have failed."""

    def __init__(self, failed: threading.Event) -> None:
        super().__init__()
        self._failed = failed
        self._waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self._waits += 1
        if self._waits == 3:
            self._failed.set()
        return super().wait(0.01)


def test_a_run_that_shall_stop_does_not_wait_for_a_disk(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.write(WHOLE)
    store._outage._stopping.set()
    with room(1000), pytest.raises(StoreInterrupted, match="out of reach"):
        store.flush()
    again = store_in(tmp_path)
    again.write(WHOLE)
    again.flush()
    assert held(tmp_path) == wanted()


def test_another_log_is_refused(tmp_path: Path) -> None:
    store_in(tmp_path)
    assert read_log(DiskFolder(tmp_path)) == "log"
    with pytest.raises(StoreError, match="other events") as caught:
        ParquetStore(ArchiveSettings(str(tmp_path)), opening("another"))
    assert "archive.url" in caught.value.hint


@pytest.mark.parametrize("manifest", [b"", b"[]", b'{"version": 2, "log": "x"}', b'{"log": "x"}'])
def test_a_strange_manifest_is_refused(tmp_path: Path, manifest: bytes) -> None:
    (tmp_path / "archive.json").write_bytes(manifest)
    with pytest.raises(StoreError):
        store_in(tmp_path)
    with pytest.raises(StoreError):
        open_archive(str(tmp_path))


def test_there_is_no_archive_yet(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="none yet") as caught:
        open_archive(str(tmp_path))
    assert "run archive" in caught.value.hint
    with pytest.raises(UsageError, match="ftp"):
        open_archive("ftp://somewhere")


def test_old_files_go_by_when_they_were_appended_and_no_clock_takes_what_is_new(tmp_path: Path) -> None:
    folder, day_s = DiskFolder(tmp_path), 86_400
    newest_s = 1_790_000_000
    for age_days in (0, 10, 29, 31, 60):
        folder.put(ArchiveFile(TOPIC, 497_222, 0, age_days, age_days, newest_s - age_days * day_s).path, pa.py_buffer(b"x"))
    assert remove_expired(folder, 30 * day_s, wall_s=newest_s - 40 * day_s) == 0, "a clock set back keeps more"
    assert remove_expired(folder, 30 * day_s, wall_s=newest_s + 1000 * day_s) == 2, "one set forward is not believed"
    assert sorted(file.first for file in folder.files()) == [0, 10, 29]


def test_names_can_be_read_again() -> None:
    file = ArchiveFile("portfolio.pnl", 497_222, 3, 0, 10**18, 1_790_000_000, 17)
    assert parse_path(file.path, 17) == file
    assert file.path.startswith("topic=portfolio.pnl/date=2026-09-21/hour=14/3-")
    assert parse_path(file.path + "x") is None
    assert parse_path(os.path.basename(file.path)) is None  # noqa: PTH119 - a name, no path


def test_a_record_whose_rows_are_partly_gone_is_left_out_and_counted(tmp_path: Path) -> None:
    value = b'[{"type":"trade","symbol":"A","timestamp":%d,"price":1},{"type":"trade","symbol":"A","timestamp":%d,"price":2}]'
    store = store_in(tmp_path)
    store.write(batch_of(TOPIC, [value % (START_NS, START_NS + HOUR_NS)], [0]))
    store.flush()
    first, _ = DiskFolder(tmp_path).files()
    DiskFolder(tmp_path).remove(first.path)
    archive = open_archive(str(tmp_path))
    assert list(archive.records(TOPIC, 0)) == []
    assert archive.incomplete == 1
