"""Runs flows as a user does, as processes, and kills them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
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


def by_id(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Events by id; the law *one content an id* is checked on the way."""
    known: dict[str, Any] = {}
    for event in found:
        assert known.setdefault(event["header"]["eventId"], event) == event, "one id, two contents"
    return known
