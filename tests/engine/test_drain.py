"""SIGTERM and SIGINT drain a run: exit code 0, nothing lost, nothing repeated, nothing closed that is still open."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from schemas.times import SECOND_NS
from sources.simulator import Simulator
from tests.engine.running import (
    Watch,
    by_id,
    create_topics,
    events,
    finished,
    live_market,
    lives,
    run_market,
    wait_until,
    workers_of,
    write_heartbeats,
    write_ticks,
)

SMALL = ("--set", "engine.max_batch=300", "--set", "engine.epoch_interval=200ms")


def fill(bus: str, ticks: int = 20_000) -> int:
    """Ticks that leave bars open: no heartbeat follows. The time of the last."""
    create_topics(bus)
    return write_ticks(bus, Simulator(40, rate=2_000, seed=3).blocks(ticks, 5_000))


@pytest.mark.parametrize(("number", "processes"), [(signal.SIGTERM, 2), (signal.SIGINT, 1)])
def test_a_drained_run_goes_on_where_it_was(tmp_path: Path, number: signal.Signals, processes: int) -> None:
    """With no kill there is no repeat: the events are those of one run, as a list and not only as a set."""
    bus = f"embedded:{tmp_path / 'bus'}"
    newest = fill(bus)
    watch = Watch(bus, ["market.bars"])
    with live_market(bus, tmp_path / "recovery", processes, *SMALL) as process:
        assert watch.more(50, lambda: process.poll() is None)
        process.send_signal(number)
        finished(process)
    watch.close()
    stopped = events(bus, "market.bars")
    write_heartbeats(bus, newest + 120 * SECOND_NS)
    run_market(bus, tmp_path / "recovery", processes, *SMALL)
    found = events(bus, "market.bars")
    run_market(bus, tmp_path / "calm", 1, *SMALL)
    whole = by_id(events(bus, "market.bars"))
    assert len(by_id(found)) == len(found), "something was said twice"
    assert by_id(found).keys() == whole.keys()
    assert 0 < len(stopped) < len(found), "the signal came in the middle"


def test_what_is_open_at_a_stop_is_not_closed(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    fill(bus, 4_000)
    with live_market(bus, tmp_path / "recovery", 1) as process:
        watch = Watch(bus, ["market.marks"])
        assert watch.more(1, lambda: process.poll() is None)
        process.terminate()
        finished(process)
        watch.close()
    minutes = [event for event in events(bus, "market.bars") if event["payload"]["interval"] == "1m"]
    assert minutes == [], "two seconds of ticks close no minute"


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    with live_market(bus, tmp_path / "recovery", 2) as process:
        wait_until(lambda: len(workers_of(process)) == 2, "the workers were started")
        workers = workers_of(process)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)  # it cannot drain

        def ended() -> bool:
            process.terminate()  # two that come together are one
            return not lives(process.pid)

        try:
            wait_until(ended, "the second signal ended it", 20)
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGCONT)
        finished(process, 130)
        wait_until(lambda: not any(map(lives, workers)), "the workers died with it")
