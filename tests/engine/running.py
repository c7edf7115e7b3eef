"""Runs flows as a user does, as processes, and kills them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end

FAST = ("--set", "engine.epoch_interval=200ms", "--set", "engine.max_batch=500")
"""Many epochs and many batches, so that a kill may fall anywhere."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trademaster", *arguments]


def start_market(bus: str, recovery: Path, processes: int, *extra: str) -> subprocess.Popen[bytes]:
    """``trademaster run market`` up to the present end of the topics."""
    return subprocess.Popen(
        command(
            "run", "market", "--bus", bus, "--recovery", str(recovery), "--processes", str(processes), "--until-end", "--quiet", *extra
        ),
        stderr=subprocess.PIPE,
    )


def run_market(bus: str, recovery: Path, processes: int, *extra: str) -> None:
    process = start_market(bus, recovery, processes, *extra)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors.decode()


def family(process: subprocess.Popen[bytes]) -> list[int]:
    """Process ids of the supervisor and its workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [process.pid, *(int(child) for child in children)]


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def events(bus: str, topic: str) -> list[dict[str, Any]]:
    """All events of a topic, partition by partition."""
    opened = open_bus(bus, patience_s=10)
    try:
        return [msgspec.json.decode(value) for batch in read_to_end(opened, topic) for value in batch.values()]
    finally:
        opened.close()


class Watch:
    """Counts what a run writes, without disturbing it."""

    def __init__(self, bus: str, topics: Sequence[str]) -> None:
        self._bus = open_bus(bus, patience_s=10)
        self._readers = [self._bus.reader(topic, start=self._bus.state(topic).end) for topic in topics]

    def more(self, wanted: int, alive: Callable[[], bool]) -> bool:
        """Wait for that many new events; False if ``alive`` is no longer true before."""
        seen = 0
        while seen < wanted:
            if not alive():
                return False
            for reader in self._readers:
                batch = reader.poll(1000, 0.02)
                seen += len(batch) if batch is not None else 0
        return True

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self._bus.close()


def by_id(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Events by id; the law *one content an id* is checked on the way."""
    known: dict[str, Any] = {}
    for event in found:
        assert known.setdefault(event["header"]["eventId"], event) == event, "one id, two contents"
    return known
