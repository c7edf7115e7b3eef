"""Records are delivered by processes that are killed at any moment: what is stored in the end is what stands on the bus."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from schemas.bus import Batch, Records
from sinks.records.engine import open_records, open_records_to_read
from tests.engine.running import create_topics, events, family, finished, kill, start_market, wait_until
from tests.sinks.records_world import World, Written, expected, shown, stored
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end

FLOWS = ("records",)
TOPICS = ("orders.updates", "orders.events", "portfolio.positions", "risk.alerts", "audit", "control.limits")


@pytest.fixture(params=["sqlite", "postgresql"])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres").new_database())


def write(bus: str, records: Sequence[Written]) -> None:
    opened = open_bus(bus)
    writer = opened.writer()
    for record in records:
        partition = record.partition if record.topic != "control.limits" else 0
        writer.write(Records(record.topic, [partition], [record.key], [record.value or None]))
    writer.flush()
    writer.close()
    opened.close()


def on_the_bus(bus: str) -> list[Written]:
    opened = open_bus(bus)
    try:
        return [record for topic in TOPICS for batch in read_to_end(opened, topic, with_keys=True) for record in _written(batch)]
    finally:
        opened.close()


def _written(batch: Batch) -> list[Written]:
    assert batch.keys is not None
    places = zip(batch.partition.tolist(), batch.offset.tolist(), batch.timestamp_ms.tolist(), batch.keys, batch.values(), strict=True)
    return [Written(batch.topic, partition, offset, key or b"", value, at_ms) for partition, offset, at_ms, key, value in places]


def rows_of(url: str) -> dict[str, list[str]]:
    engine = open_records(url)
    try:
        return shown(stored(engine))
    finally:
        engine.dispose()


def count(url: str) -> int:
    """Of updates of orders; 0 too while there are no tables."""
    engine = open_records_to_read(url)
    try:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM order_updates").scalar() or 0)
    except SQLAlchemyError:
        return 0
    finally:
        engine.dispose()


def wait_for(process: subprocess.Popen[bytes], holds: Callable[[], bool]) -> None:
    """Wait until something is stored by a process that lives."""

    def over() -> bool:
        assert process.poll() is None, process.communicate()[1].decode()
        return holds()

    wait_until(over, "something is stored")


def test_what_is_stored_is_what_stands_on_the_bus(tmp_path: Path, records_url: str) -> None:
    """Killed three times, each time resumed with another number of processes, while records go on coming; one of them is bad."""
    bus, recovery, chance = f"embedded:{tmp_path / 'bus'}", tmp_path / "recovery", random.Random(5)
    create_topics(bus)
    worlds = [World(seed, tag=f"{seed}|").add(150) for seed in range(3)]
    small = ("records.max_rows=20", "engine.epoch_interval=100ms", "engine.max_batch=30")
    settings = [part for each in (f"records.url={records_url}", *small) for part in ("--set", each)]
    for number, world in enumerate(worlds):
        write(bus, world.records)
        process = start_market(bus, recovery, 1 + number % 3, *settings, flows=FLOWS, until_end=False)
        before, wanted = count(records_url), chance.randrange(1, 30)
        wait_for(process, lambda before=before, wanted=wanted: count(records_url) >= before + wanted)  # type: ignore[misc]
        time.sleep(chance.random() / 5)  # anywhere in an epoch
        for pid in family(process):
            kill(pid)
        process.communicate()
    write(bus, [Written("audit", 0, 0, b"k", b"no event")])
    finished(start_market(bus, recovery, 2, *settings, flows=FLOWS))
    good = [record for record in on_the_bus(bus) if record.value != b"no event"]
    assert rows_of(records_url) == shown(expected(good))
    assert {letter["header"]["eventId"].partition("-")[0] for letter in events(bus, "dead.letters")} == {"dead|audit"}


def test_a_database_that_is_not_there_ends_the_run_at_once(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    wrong = ("--set", "records.url=postgresql://u:s3cret@127.0.0.1:1/d")
    said = finished(start_market(bus, tmp_path / "recovery", 1, *wrong, flows=FLOWS), code=2)
    assert "127.0.0.1:1/d" in said
    assert "hint:" in said
    assert "s3cret" not in said
