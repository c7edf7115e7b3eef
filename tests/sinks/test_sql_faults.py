"""Databases that go away, are locked or full: what was taken is waited for, said once, and stored."""

from __future__ import annotations

import contextlib
import itertools
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from schemas.errors import SettingsError, StoreError, StoreInterrupted
from schemas.store import Opening
from sinks.records import engine as opening_engine
from sinks.sql import SqlStore, prepare_records
from tests.full_disk import room
from tests.servers.postgres import PostgresServer
from tests.sinks.records_world import World, Written, batches, expected, shown
from tests.sinks.test_sql_laws import rows_of

BEGINS, ENDS = "records out of reach", "records in reach again"


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


class Delivery:
    """A store that is fed by a thread, as a run feeds it."""

    def __init__(self, url: str, records: Sequence[Written], size: int = 20) -> None:
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self.written = 0
        self._store = SqlStore(url, Opening("log", 0, self.stopping), max_rows=30, max_wait_s=0.0)
        self._batches = batches(records, itertools.repeat(size))
        self._thread = threading.Thread(target=self._feed, daemon=True)  # of a test that failed it would wait for ever
        self._thread.start()

    def _feed(self) -> None:
        try:
            for batch in self._batches:
                assert not self._store.write(batch)
                self.written += len(batch)
            assert not self._store.flush()
        except BaseException as error:  # noqa: BLE001 - the thread's, told to the test
            self.error = error
        finally:
            self._store.close()

    def ended(self) -> None:
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error

    def waits(self) -> bool:
        return self._thread.is_alive()


def messages(logs: Sequence[object]) -> list[str]:
    return [entry["event"] for entry in logs if isinstance(entry, dict)]


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_postgres_killed_in_the_middle_of_a_transaction(own_postgres: PostgresServer) -> None:
    """A lock of somebody else's holds the transaction in its middle; then the server dies, and is away for a while."""
    url, world = own_postgres.address.new_database(), World(21).add(300)
    prepare_records(url)
    with capture_logs() as logs:
        with contextlib.closing(psycopg.connect(url)) as blocker:
            blocker.execute("LOCK TABLE alerts IN EXCLUSIVE MODE")
            delivery = Delivery(url, world.records)
            until(lambda: query(url, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), "the transaction waits for the lock")
            own_postgres.kill()
            until(lambda: BEGINS in messages(logs), "the outage is said")
        taken = delivery.written
        assert delivery.waits()
        own_postgres.start()
        delivery.ended()
    assert delivery.written > taken
    assert rows_of(url) == shown(expected(world.records))
    assert messages(logs) == [BEGINS, ENDS], "said once"


def test_postgres_restarted_and_connections_killed_while_records_come(own_postgres: PostgresServer) -> None:
    url, world, chance = own_postgres.address.new_database(), World(22).add(2_000), random.Random(22)
    delivery = Delivery(url, world.records, size=5)
    for number in range(12):
        reached = delivery.written + chance.randrange(100)
        until(lambda reached=reached: delivery.written >= reached or not delivery.waits(), "it goes on")  # type: ignore[misc]
        if number % 6 == 5:
            own_postgres.stop() if number == 5 else own_postgres.kill()
            own_postgres.start()
        else:
            query(own_postgres.address.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trademaster'")
    delivery.ended()
    assert rows_of(url) == shown(expected(world.records))


def test_a_lock_that_somebody_keeps_is_said(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_engine, "_LOCK_TIMEOUT_MS", 50)
    url, world = own_postgres.address.new_database(), World(23).add(40)
    prepare_records(url)
    with capture_logs() as logs:
        with contextlib.closing(psycopg.connect(url)) as blocker:
            blocker.execute("LOCK TABLE audit IN EXCLUSIVE MODE")
            delivery = Delivery(url, world.records)
            until(lambda: BEGINS in messages(logs), "the lock is said")
        delivery.ended()
    assert rows_of(url) == shown(expected(world.records))
    assert messages(logs) == [BEGINS, ENDS]


def test_a_run_that_shall_stop_waits_no_longer(own_postgres: PostgresServer) -> None:
    url = own_postgres.address.new_database()
    prepare_records(url)
    with capture_logs() as logs:
        delivery = Delivery(url, World(24).add(3_000).records, size=1)
        own_postgres.kill()
        until(lambda: BEGINS in messages(logs), "the outage is said")
        delivery.stopping.set()
        with pytest.raises(StoreInterrupted, match="out of reach"):
            delivery.ended()


def test_a_process_that_starts_during_an_outage_waits(own_postgres: PostgresServer) -> None:
    """Workers are started again after any death: then the database may be away, and that is no slip."""
    url, world = own_postgres.address.new_database(), World(25).add(30)
    prepare_records(url)
    own_postgres.kill()
    made: list[Delivery] = []
    with capture_logs() as logs:
        starting = threading.Thread(target=lambda: made.append(Delivery(url, world.records)), daemon=True)
        starting.start()
        until(lambda: BEGINS in messages(logs), "the outage is said")
        own_postgres.start()
        starting.join()
        made[0].ended()
    assert rows_of(url) == shown(expected(world.records))


def test_an_sqlite_file_that_somebody_locks(tmp_path: Path) -> None:
    url, world = f"sqlite:///{tmp_path / 'records.db'}", World(26).add(100)
    prepare_records(url)
    blocker = sqlite3.connect(tmp_path / "records.db", isolation_level=None)
    with capture_logs() as logs:
        blocker.execute("BEGIN IMMEDIATE")
        starting: list[Delivery] = []
        thread = threading.Thread(target=lambda: starting.append(Delivery(url, world.records)), daemon=True)
        thread.start()
        until(lambda: BEGINS in messages(logs), "the lock is said")
        blocker.execute("COMMIT")
        thread.join()
        starting[0].ended()
    blocker.close()
    assert rows_of(url) == shown(expected(world.records))
    assert messages(logs) == [BEGINS, ENDS]


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    url, world = f"sqlite:///{tmp_path / 'records.db'}", World(27).add(1_500)
    prepare_records(url)
    with capture_logs() as logs:
        with room(400_000):
            delivery = Delivery(url, world.records)
            until(lambda: BEGINS in messages(logs), "the disk is full")
            assert delivery.waits()
        delivery.ended()
    assert rows_of(url) == shown(expected(world.records))
    assert messages(logs) == [BEGINS, ENDS]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/d", "127.0.0.1:1/d"),
        ("postgresql://u:s3cret@no-such-host.invalid/d", "no-such-host.invalid"),
        ("postgresql://u:s3cret@h:port/d", "cannot be read"),
        ("postgresql://u:x@s3cret@localhost/d", "several"),
        ("mysql://u:s3cret@h/d", "mysql"),
        ("sqlite://", "memory"),
        ("s3cret", "cannot be read"),
    ],
)
def test_a_url_that_leads_nowhere_is_an_error_at_the_start(url: str, found: str) -> None:
    with pytest.raises(SettingsError, match=found) as caught:
        prepare_records(url)
    assert "s3cret" not in str(caught.value) + caught.value.hint
    assert caught.value.hint


def test_a_wrong_password_is_an_error_at_the_start_that_does_not_show_it(own_postgres: PostgresServer) -> None:
    if own_postgres.data is None:
        pytest.skip("the server runs in a container, whose rules of access cannot be changed")
    query_nothing(own_postgres.address.url, "CREATE ROLE guest LOGIN PASSWORD 'right'")
    rules = own_postgres.data / "base" / "pg_hba.conf"
    rules.write_text("host all guest 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    own_postgres.stop()
    own_postgres.start()
    url = own_postgres.address.url.replace("trademaster@", "guest:s3cret@")
    with pytest.raises(SettingsError, match=r"password authentication failed") as caught:
        prepare_records(url)
    assert "s3cret" not in str(caught.value) + caught.value.hint
    with pytest.raises(SettingsError, match='database "nowhere" does not exist'):
        prepare_records(own_postgres.address.url.rpartition("/")[0] + "/nowhere")
    with pytest.raises(SettingsError, match="permission denied"):
        prepare_records(url.replace("s3cret", "right"))


def query_nothing(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_tables_that_somebody_dropped_are_an_error(records_url: str) -> None:
    prepare_records(records_url)
    engine = opening_engine.open_records(records_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE positions_daily" + (" CASCADE" if engine.dialect.name == "postgresql" else ""))
    engine.dispose()
    delivery = Delivery(records_url, World(28).add(50).records)
    with pytest.raises(StoreError, match="positions_daily"):
        delivery.ended()
