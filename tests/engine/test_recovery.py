"""The recovery folder: whose it is, who may use it, and that a resumed run stands where the last finished epoch ended."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from schemas.errors import RecoveryError
from schemas.times import SECOND_NS
from sources.simulator import Simulator
from tests.engine.running import (
    FAST,
    by_id,
    create_topics,
    events,
    finished,
    live_market,
    run_market,
    start_market,
    wait_until,
    workers_of,
    write_heartbeats,
    write_ticks,
)
from trademaster.engine import recovery as module
from trademaster.engine.recovery import RecoveryFolder
from trademaster.engine.snapshots import INLINE_BYTES, KEPT, SnapshotFiles


def opened(folder: Path, flows: tuple[str, ...] = ("market",), identity: str = "log-1", parts: int = 2) -> RecoveryFolder:
    found = RecoveryFolder(folder)
    found.open(flows, "embedded:data/bus", identity, parts)
    return found


def test_its_flows_and_its_log_are_taken_again(tmp_path: Path) -> None:
    opened(tmp_path, ("risk", "market")).close()
    opened(tmp_path, ("market", "risk")).close()


@pytest.mark.parametrize(
    ("flows", "identity", "message"),
    [(("market", "risk"), "log-1", "of the flows"), (("market",), "log-2", "identity"), (("market", "risk"), "log-2", "of the flows")],
)
def test_others_are_refused(tmp_path: Path, flows: tuple[str, ...], identity: str, message: str) -> None:
    opened(tmp_path).close()
    with pytest.raises(RecoveryError, match=message) as caught:
        opened(tmp_path, flows, identity)
    assert caught.value.hint


def test_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_PATIENCE_S", 0.2)
    first = opened(tmp_path)
    with pytest.raises(RecoveryError, match="another run"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_a_second_run_on_the_folder_of_the_first(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    with live_market(bus, tmp_path / "recovery", 1) as process:
        wait_until(lambda: workers_of(process), "it holds the folder")
        errors = finished(start_market(bus, tmp_path / "recovery", 1), 1)
        assert "another run" in errors
        assert "--recovery DIR" in errors


def stored(folder: Path) -> list[tuple[str, str, int]]:
    rows = []
    for path in sorted((folder / "engine").glob("*.sqlite3")):
        with sqlite3.connect(path) as part:
            rows += part.execute("SELECT step_id, state_key, snap_epoch FROM snaps").fetchall()
        part.close()
    return sorted(rows)


def put(folder: Path, part: int, sql: str, *values: object) -> None:
    with sqlite3.connect(folder / "engine" / f"part-{part}.sqlite3") as store:
        store.execute(sql, values)
    store.close()


@pytest.fixture
def four_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in folders that were made before."""
    monkeypatch.setattr(module, "ENGINE_PARTS", 4)


@pytest.mark.usefixtures("four_parts")
def test_rows_of_an_unfinished_epoch_are_forgotten(tmp_path: Path) -> None:
    """Two workers, of which one had finished epoch 8 and the other 7; an older execution had come further and does not count."""
    folder = opened(tmp_path)
    for execution, workers, epoch in ((0, 1, 1), (1, 2, 5)):
        put(tmp_path, execution, "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (?, ?, ?)", execution, workers, epoch)
    for at, (execution, worker, front) in enumerate([(0, 0, 30), (1, 0, 9), (1, 1, 8)]):
        put(tmp_path, at, "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (?, ?, ?)", execution, worker, front)
    for part, key, epoch in ((0, "00-6", 4), (0, "00-6", 8), (1, "01-68", 7), (2, "02-28", 9), (3, "03-87", 29)):
        put(tmp_path, part, "INSERT INTO snaps (step_id, state_key, snap_epoch) VALUES ('market', ?, ?)", key, epoch)
    assert folder.forget_uncommitted() == 3
    assert [(key, epoch) for _, key, epoch in stored(tmp_path)] == [("00-6", 4), ("01-68", 7)]
    folder.close()


@pytest.mark.usefixtures("four_parts")
def test_a_worker_that_finished_nothing_holds_all_at_the_beginning(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    put(tmp_path, 0, "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (3, 2, 5)")
    put(tmp_path, 0, "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (3, 0, 9)")
    for epoch in (4, 5, 8):
        put(tmp_path, 1, "INSERT INTO snaps (step_id, state_key, snap_epoch) VALUES ('market', '00-6', ?)", epoch)
    assert folder.forget_uncommitted() == 2
    assert [epoch for *_, epoch in stored(tmp_path)] == [4]
    folder.close()


def test_a_store_that_is_none(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    (tmp_path / "engine" / "part-1.sqlite3").write_bytes(b"not a store" * 1000)
    with pytest.raises(RecoveryError, match="cannot be read"):
        folder.forget_uncommitted()
    folder.close()


def fill(bus: str, symbols: int, ticks: int) -> int:
    create_topics(bus)
    return write_ticks(bus, Simulator(symbols, rate=2_000, seed=3).blocks(ticks, 5_000))


def more(bus: str, symbols: int, ticks: int, skip: int) -> int:
    """What follows the first ``skip`` ticks of the same simulation."""
    blocks = Simulator(symbols, rate=2_000, seed=3).blocks(skip + ticks, 5_000)
    return write_ticks(bus, (rows for at, rows in enumerate(blocks) if at >= skip // 5_000))


def test_state_moves_with_the_number_of_processes(tmp_path: Path) -> None:
    """1, 3 and 2 processes one after another over thirds of the ticks, against one process over all."""
    bus = f"embedded:{tmp_path / 'bus'}"
    newest = fill(bus, 2_000, 10_000)
    for third, processes in enumerate((1, 3, 2)):
        if third:
            newest = more(bus, 2_000, 10_000, third * 10_000)
        if third == 2:
            write_heartbeats(bus, newest + 120 * SECOND_NS)
        run_market(bus, tmp_path / "recovery", processes, *FAST)
        files = list((tmp_path / "recovery" / "state").iterdir())
        assert 0 < len(files) <= 16 * (KEPT + 1), "large states are files, and old files go"
    found = events(bus, "market.bars")
    assert len(by_id(found)) == len(found)
    run_market(bus, tmp_path / "calm", 1, *FAST)
    both = by_id(events(bus, "market.bars"))
    assert both.keys() == by_id(found).keys()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_state_that_is_gone(tmp_path: Path, processes: int) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    newest = fill(bus, 2_000, 10_000)
    run_market(bus, tmp_path / "recovery", 1)
    file = max((tmp_path / "recovery" / "state").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for other in file.parent.glob(file.name.rpartition("@")[0] + "@*"):
        other.unlink()
    write_heartbeats(bus, newest + 240 * SECOND_NS)
    errors = finished(start_market(bus, tmp_path / "recovery", processes), 3)
    assert "the file is missing" in errors
    assert "restore the recovery folder" in errors
    assert "workers restart" not in errors, "trying again would be useless"


def test_without_recovery_a_run_begins_again(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    write_heartbeats(bus, fill(bus, 20, 5_000) + 120 * SECOND_NS)
    for _ in range(2):
        run_market(bus, tmp_path / "recovery", 1, "--set", "engine.recovery=false")
    found = events(bus, "market.bars")
    assert not (tmp_path / "recovery").exists()
    assert len(found) == 2 * len(by_id(found)) > 0


def test_files_of_large_states(tmp_path: Path) -> None:
    files = SnapshotFiles(tmp_path)
    small, large = b"x" * 100, b"y" * (INLINE_BYTES + 1)
    assert "blob" in files.save("market", "00-6", small)
    names = [files.save("market", "00-6", large + bytes([at])) for at in range(10)]
    assert len(list(tmp_path.iterdir())) == KEPT
    again = SnapshotFiles(tmp_path)
    assert again.load("market", "00-6", names[-2]) == large + bytes([8])
    assert [path.name for path in tmp_path.iterdir()] == [names[-2]["file"]], "what was not committed goes"
    with pytest.raises(RecoveryError, match="the file is missing"):
        again.load("market", "00-6", names[-1])
