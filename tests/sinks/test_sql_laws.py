"""The stored set is the set of events: whatever comes twice, in whatever order partitions arrive, in whatever batches, by whose hand."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.store import Opening
from sinks.records.engine import open_records
from sinks.sql import SqlStore
from tests.sinks.records_world import PARTITIONS, World, Written, batches, expected, moved, shown, stored


@contextmanager
def store(url: str, log: str = "log", max_rows: int = 100) -> Iterator[SqlStore]:
    opened = SqlStore(url, Opening(log, 0, threading.Event()), max_rows=max_rows, max_wait_s=0.0)
    yield opened
    opened.close()


def feed(opened: SqlStore, records: Sequence[Written], chance: random.Random) -> None:
    sizes = (chance.choice((1, 7, 40, 300)) for _ in itertools.count())
    rejects = [reject for batch in batches(records, sizes) for reject in opened.write(batch)]
    assert not [*rejects, *opened.flush()]


def interleaved(records: Sequence[Written], chance: random.Random) -> list[Written]:
    """An order in which partitions may arrive: each keeps its own."""
    queues: dict[tuple[str, int], list[Written]] = {}
    for record in records:
        queues.setdefault((record.topic, record.partition), []).append(record)
    arrived = []
    while queues:
        place = chance.choice(list(queues))
        arrived.append(queues[place].pop(0))
        if not queues[place]:
            del queues[place]
    return arrived


def rows_of(url: str) -> dict[str, list[str]]:
    engine = open_records(url)
    try:
        return shown(stored(engine))
    finally:
        engine.dispose()


@pytest.mark.parametrize("seed", range(3))
def test_any_arrival_leaves_the_same_rows(records_url: str, seed: int) -> None:
    chance = random.Random(seed)
    world = World(seed).add(250)
    with store(records_url, max_rows=chance.choice((1, 30, 5_000))) as opened:
        feed(opened, interleaved(world.records, chance), chance)
    rows = rows_of(records_url)
    assert rows == shown(expected(world.records))
    assert all(rows.values()), "each table is tried"
    with store(records_url) as opened:  # all of it once more, otherwise
        feed(opened, interleaved(world.records, chance), chance)
    assert rows_of(records_url) == rows


def test_several_processes_that_share_partitions_store_what_one_does(records_url: str) -> None:
    """And each is killed once: what it had not flushed, and some of what it had, comes again by another's hand."""
    world = World(11).add(300)
    parts = [[record for record in world.records if record.partition == part] for part in range(PARTITIONS)]

    def work(part: int) -> None:
        with store(records_url) as opened:
            for _, batch in zip(range(3), batches(parts[part], itertools.repeat(9)), strict=False):
                opened.write(batch)
        with store(records_url) as opened:
            feed(opened, parts[(part + 1) % PARTITIONS], random.Random(part))

    threads = [threading.Thread(target=work, args=(part,)) for part in range(PARTITIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows_of(records_url) == shown(expected(world.records))


def test_the_newer_log_holds(records_url: str) -> None:
    """A bus that was made anew counts from the beginning: its versions and offsets are small, and its events the ones that are."""
    old, new = World(1).add(80).records, World(1, tag="n").add(40).records
    same = moved(World(1).add(80).records, by=1_000_000)
    chance = random.Random(0)
    with store(records_url, "old") as opened:
        feed(opened, old, chance)
    with store(records_url, "new") as opened:
        feed(opened, new, chance)
    rows, fresh = rows_of(records_url), shown(expected(new))
    assert set(fresh["orders"]) <= set(rows["orders"])
    assert set(fresh["positions_daily"]) <= set(rows["positions_daily"])
    assert set(fresh["order_updates"]) | set(shown(expected(old))["order_updates"]) == set(rows["order_updates"])
    with store(records_url, "copied") as opened:
        feed(opened, same, chance)
    assert set(rows_of(records_url)["alerts"]) == set(shown(expected(same))["alerts"]) | set(fresh["alerts"])


def test_a_file_is_found_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'in' / 'a folder' / 'records.db'}"
    world = World(5).add(50)
    for _ in range(2):
        with store(url) as opened:
            feed(opened, world.records, random.Random(0))
    assert rows_of(url) == shown(expected(world.records))
