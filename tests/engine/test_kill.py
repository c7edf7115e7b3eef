"""*Effectively once*: whatever is killed, whenever, the distinct events are those of a run that nobody disturbed."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from schemas.times import SECOND_NS
from sources.simulator import Law, Simulator
from tests.engine.running import (
    FAST,
    MARKET,
    OUTPUTS,
    Watch,
    by_id,
    events,
    family,
    kill,
    live_market,
    lives,
    run_market,
    start_market,
    wait_until,
    workers_of,
    write_control,
    write_heartbeats,
    write_ticks,
)

TICKS = 60_000
KILLS = 20
SEED = int(os.environ.get("TRADEMASTER_TEST_SEED", "5"))
LIMIT = b'{"limitId":"band","rule":"price_band","scope":"firm","threshold":"0.001"}'


def fill(url: str) -> None:
    """Prices wild enough for thousands of alerts."""
    write_control(url, "control.limits", b"band", LIMIT)
    market = Simulator(60, rate=2_000, seed=11, law=Law(zipf=0.4, volatility=(2.0, 4.0)))
    write_heartbeats(url, write_ticks(url, market.blocks(TICKS, 5_000)) + 120 * SECOND_NS)


def test_killed_again_and_again_the_events_are_the_same(own_bus: str, tmp_path: Path) -> None:
    fill(own_bus)
    run_market(own_bus, tmp_path / "calm", 1, *FAST)
    calm = {topic: events(own_bus, topic) for topic in OUTPUTS}
    rng, kills = random.Random(SEED), 0
    while kills < KILLS:  # a quick machine may come to the end before
        kills += disturb(own_bus, tmp_path / f"disturbed-after-{kills}", rng, KILLS - kills)
    compare(calm, {topic: events(own_bus, topic) for topic in OUTPUTS})


def compare(calm: dict[str, list[dict[str, Any]]], both: dict[str, list[dict[str, Any]]]) -> None:
    """``both`` holds what the calm and then the disturbed run wrote."""
    assert len(both["market.bars"]) >= 2 * len(calm["market.bars"]), "the second run wrote everything again"
    assert calm["risk.alerts"], "the bands were tried"
    for topic in ("market.bars", "risk.alerts", "dead.letters"):
        # by_id holds that no id has two contents, over both runs; the set of ids must not have grown.
        assert by_id(both[topic]).keys() == by_id(calm[topic]).keys(), topic
    by_id(both["market.marks"])
    assert last_marks(both["market.marks"]) == last_marks(calm["market.marks"])
    assert_alternating(calm["risk.alerts"])


def last_marks(marks: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {mark["payload"]["symbol"]: mark for mark in sorted(marks, key=lambda mark: str(mark["header"]["timestamp"]))}


def assert_alternating(alerts: Sequence[dict[str, Any]]) -> None:
    by_key: dict[str, list[tuple[int, str]]] = {}
    for alert in alerts:
        payload = alert["payload"]
        by_key.setdefault(payload["key"], []).append((payload["episode"], payload["state"]))
    for key, said in by_key.items():
        expected = [(episode, state) for episode in range(1, len(said) + 1) for state in ("breach", "clear")]
        assert said == expected[: len(said)], key


WATCHED = ("market.bars", "market.marks")


def disturb(
    place: str,
    recovery: Path,
    rng: random.Random,
    most: int = KILLS,
    extra: Sequence[str] = FAST,
    flows: Sequence[str] = MARKET,
    watched: Sequence[str] = WATCHED,
) -> int:
    """Run to the end, with kills at random moments: when some more was written, or at any time while it starts. The number of kills."""
    kills, watch = 0, Watch(place, watched)
    try:
        while True:
            process = start_market(place, recovery, rng.choice([1, 1, 2, 3]), *extra, flows=flows)
            while kills < most and _moment(watch, process, rng):
                victim = rng.choice(family(process))
                kill(victim)
                kills += 1
                if victim == process.pid:
                    break
            if _outcome(process) == 0:
                return kills
    finally:
        watch.close()


def _moment(watch: Watch, process: subprocess.Popen[bytes], rng: random.Random) -> bool:
    """Wait for the moment of a kill; False if the run ended before."""
    alive = partial(_runs, process)
    if rng.random() < 0.25:
        watch.more(1, alive, rng.uniform(0.0, 2.5))
        return alive()
    return watch.more(rng.randrange(1, 200), alive)


def _runs(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _outcome(process: subprocess.Popen[bytes]) -> int:
    _, errors = process.communicate(timeout=90)
    assert process.returncode in (0, -9), errors.decode()
    return process.returncode


@pytest.mark.parametrize("processes", [1, 3])
def test_no_worker_outlives_its_supervisor(tmp_path: Path, processes: int) -> None:
    with live_market(f"embedded:{tmp_path / 'bus'}", tmp_path / "recovery", processes) as process:
        wait_until(lambda: len(workers_of(process)) == processes, "all workers were started")
        workers = workers_of(process)
        kill(process.pid)
        wait_until(lambda: not any(map(lives, workers)), "all workers died")


def test_peers_of_a_dead_worker_are_replaced(tmp_path: Path) -> None:
    with live_market(f"embedded:{tmp_path / 'bus'}", tmp_path / "recovery", 2) as process:
        wait_until(lambda: len(workers_of(process)) == 2, "all workers were started")
        before = workers_of(process)
        kill(before[1])
        wait_until(lambda: len(workers_of(process)) == 2 and not set(before) & set(workers_of(process)), "both are others")
        assert not any(map(lives, before))
