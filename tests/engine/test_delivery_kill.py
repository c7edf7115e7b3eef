"""*A delivery is exact*: whatever is killed, whenever, with however many processes, the store holds what is on the bus, nothing twice."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.bus import Records
from schemas.partitioning import partition_of
from schemas.times import SECOND_NS
from sources.simulator import Law, Simulator
from tests.engine.running import (
    FAST,
    create_topics,
    family,
    finished,
    kill,
    run_market,
    start_market,
    write_control,
    write_heartbeats,
    write_ticks,
)
from tests.engine.stores_under_test import CASES, Held, StoreCase, on_the_bus
from trademaster.bus import open_bus

TICKS = 30_000
KILLS = 12
SEED = int(os.environ.get("TRADEMASTER_TEST_SEED", "5"))
START_NS = 1_790_000_000 * SECOND_NS + 3_590 * SECOND_NS
"""Seconds before an hour's end."""

STRANGE = (
    b"",
    b"no tick",
    b"[]",
    b'[{"type":"trade","symbol":"S\xc3\xa9","timestamp":%d,"price":1.50,"size":1e2}, 7]' % START_NS,
    b'[{"type":"trade","symbol":"A","timestamp":%d,"price":1,"size":2},{"type":"trade","symbol":"A","timestamp":%d,"price":1.0,"size":2.50}]'
    % (START_NS, START_NS + 3_600 * SECOND_NS),
    b' {"venue":"X","type":"quote","symbol":"A","timestamp":"2026-09-21T15:00:00.5Z","bid":0.1,"ask":1e-9,"note":{"a":[1,"]"]}} ',
)


def fill(url: str) -> None:
    """Ticks, some of them strange, and what the market flow makes of them."""
    write_control(url, "control.limits", b"band", b'{"limitId":"band","rule":"price_band","scope":"firm","threshold":"0.001"}')
    market = Simulator(40, rate=2_000, seed=11, start_ns=START_NS, law=Law(zipf=0.4, volatility=(2.0, 4.0)))
    newest = write_ticks(url, market.blocks(TICKS, 5_000))
    write_strange(url)
    write_heartbeats(url, newest + 120 * SECOND_NS)


def write_strange(url: str) -> None:
    bus = open_bus(url)
    writer, partitions = bus.writer(), len(bus.partitions("market.ticks"))
    keys = [b"%d" % number for number in range(len(STRANGE))]
    writer.write(Records("market.ticks", [partition_of(key, partitions) for key in keys], keys, STRANGE))
    writer.flush()
    writer.close()
    bus.close()


@pytest.fixture(scope="module")
def full_bus(own_bus: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    fill(own_bus)
    run_market(own_bus, tmp_path_factory.mktemp("market"), 1, *FAST)
    return own_bus


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_killed_again_and_again_the_store_holds_what_is_on_the_bus(full_bus: str, case: StoreCase, tmp_path: Path) -> None:
    rng, kills, folder = random.Random(SEED), 0, tmp_path / "store"
    wanted = case.wanted(on_the_bus(full_bus, case.topics))
    assert len(wanted) > TICKS
    while kills < KILLS:  # from the beginning each time; the store stays
        kills += disturb(full_bus, tmp_path / f"recovery-{kills}", case, folder, rng)
    compare(wanted, case.held(folder, wanted))


def compare(wanted: Held, held: Held) -> None:
    assert held.keys() == wanted.keys()
    for place, record in wanted.items():
        assert held[place] == record, place


def disturb(bus: str, recovery: Path, case: StoreCase, folder: Path, rng: random.Random) -> int:
    """Run to the end, killed at random moments with another number of processes each time; the number of kills."""
    for kills in range(KILLS):
        process = start_market(bus, recovery, rng.choice([1, 1, 2, 3]), *settings(case, folder, rng), flows=(case.name,))
        if lives_on(process, rng.uniform(0.1, 3.0)) and kills < KILLS // 2:
            for victim in rng.sample(family(process), 1):
                kill(victim)
            process.kill()
            process.communicate()
            continue
        finished(process)
        return kills
    raise AssertionError("it was to end")


def lives_on(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it still runs after a while."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def settings(case: StoreCase, folder: Path, rng: random.Random) -> Sequence[str]:
    return (*case.settings(folder), "--set", f"engine.max_batch={rng.choice([7, 100, 500, 3000])}", "--set", "engine.epoch_interval=100ms")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_store_of_one_log_refuses_another(case: StoreCase, full_bus: str, tmp_path: Path) -> None:
    other = f"embedded:{tmp_path / 'other'}"
    create_topics(other)
    folder, options = tmp_path / "store", case.settings(tmp_path / "store")
    finished(start_market(other, tmp_path / "first", 1, *options, flows=(case.name,)))
    said = finished(start_market(full_bus, tmp_path / "second", 1, *options, flows=(case.name,)), code=2)
    assert folder.exists()
    assert "other events" in said
