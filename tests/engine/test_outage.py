"""A bus out of reach for longer than its patience: the run says so, tries again, and ends with the same events."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest

from schemas.times import SECOND_NS
from sources.simulator import Simulator
from tests.engine.running import (
    OUTPUTS,
    Watch,
    by_id,
    create_topics,
    events,
    live_market,
    run_market,
    wait_until,
    write_heartbeats,
    write_ticks,
)
from tests.servers.kafka import Broker

SHORT = ("--set", "bus.patience=1s", "--set", "engine.epoch_interval=200ms", "--set", "engine.max_batch=300")


class Said:
    """What a process says on stderr, line by line as it comes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.decode())

    def count(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    def errors(self) -> list[str]:
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [entry["error"] for entry in found if entry["level"] == "error"]


@pytest.mark.kafka
def test_a_broker_that_is_gone_for_a_while(own_kafka: Broker, tmp_path: Path) -> None:
    processes = 2
    bus = f"kafka://{own_kafka.bootstrap}"
    create_topics(bus)
    newest = write_ticks(bus, Simulator(40, rate=2_000, seed=3).blocks(20_000, 5_000))
    watch = Watch(bus, ["market.bars"])
    with live_market(bus, tmp_path / "recovery", processes, *SHORT) as process:
        said = Said(process)
        assert watch.more(50, lambda: process.poll() is None)
        watch.close()
        wait_until(lambda: said.count("worker started") == processes, "all have said so")
        own_kafka.kill()
        wait_until(lambda: any(error.startswith("Kafka at") for error in said.errors()), "it tried again, in vain")
        assert said.count("workers restart")
        own_kafka.start()
        write_heartbeats(bus, newest + 120 * SECOND_NS)
        wait_until(lambda: said.count("worker started") > processes, "it came back")
        again = Watch(bus, ["market.bars"])
        again.more(1, lambda: process.poll() is None, 5.0)
        again.close()
        process.terminate()
        process.wait(60)
        assert process.returncode == 0, "".join(said.lines)
    run_market(bus, tmp_path / "recovery", processes)
    found = {topic: by_id(events(bus, topic)) for topic in OUTPUTS}
    run_market(bus, tmp_path / "calm", 1)
    both = {topic: by_id(events(bus, topic)) for topic in OUTPUTS}
    assert found["market.bars"]
    for topic in ("market.bars", "risk.alerts", "dead.letters"):
        assert both[topic].keys() == found[topic].keys(), topic
