"""Runs flows as a user does, as processes, and kills them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from schemas.bus import Records
from schemas.partitioning import partition_of
from schemas.symbols import SYMBOLS
from schemas.tick_codec import encode_ticks
from schemas.ticks import Rows
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings

OUTPUTS = ("market.bars", "market.marks", "risk.alerts", "dead.letters")

FAST = ("--set", "engine.epoch_interval=200ms", "--set", "engine.max_batch=500")
"""Many epochs and many batches, so that a kill may fall anywhere."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trademaster", *arguments]


MARKET = ("market",)


def start_market(
    bus: str, recovery: Path, processes: int, *extra: str, until_end: bool = True, flows: Sequence[str] = MARKET
) -> subprocess.Popen[bytes]:
    """``trademaster run market``, or other flows, by default up to the present end of the topics."""
    where = ("--bus", bus, "--recovery", str(recovery), "--processes", str(processes))
    end = ("--until-end",) if until_end else ()
    return subprocess.Popen(command("run", *flows, *where, *end, "--quiet", *extra), stderr=subprocess.PIPE)


def run_market(bus: str, recovery: Path, processes: int, *extra: str, flows: Sequence[str] = MARKET) -> str:
    """Run up to the end; what it said on stderr."""
    return finished(start_market(bus, recovery, processes, *extra, flows=flows))


def finished(process: subprocess.Popen[bytes], code: int = 0) -> str:
    """Wait for the end, which has this exit code; what it said on stderr."""
    _, errors = process.communicate(timeout=90)
    assert process.returncode == code, f"exit code {process.returncode}\n{errors.decode()}"
    return errors.decode()


@contextmanager
def live_market(bus: str, recovery: Path, processes: int, *extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """``trademaster run market`` that waits for more; killed at the end if it still runs."""
    process = start_market(bus, recovery, processes, *extra, until_end=False)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Process ids of a supervisor's workers, once they are programs of their own: to stop one before would stop the supervisor too."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [int(child) for child in children if b"trademaster.engine.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(process: subprocess.Popen[bytes]) -> list[int]:
    """Process ids of the supervisor and its workers."""
    return [process.pid, *workers_of(process)]


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(holds: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def events(bus: str, topic: str, start: Mapping[int, int] | None = None) -> list[dict[str, Any]]:
    """All events of a topic from ``start`` (default: the beginning), partition by partition in order."""
    opened = open_bus(bus, patience_s=10)
    try:
        return [msgspec.json.decode(value) for batch in read_to_end(opened, topic, start) for value in batch.values()]
    finally:
        opened.close()


def ends(bus: str, topics: Sequence[str] = OUTPUTS) -> dict[str, Mapping[int, int]]:
    """Where the topics end now."""
    opened = open_bus(bus, patience_s=10)
    try:
        return {topic: dict(opened.state(topic).end) for topic in topics}
    finally:
        opened.close()


def create_topics(url: str) -> None:
    bus = open_bus(url)
    bus.create(topic_settings(Settings()))
    bus.close()


def write_ticks(url: str, blocks: Iterable[Rows]) -> int:
    """Write ticks, each in the partition of its symbol; the largest time."""
    bus = open_bus(url)
    writer, partitions, newest = bus.writer(), len(bus.partitions("market.ticks")), 0
    for rows in blocks:
        keys = [SYMBOLS.names[code].encode() for code in rows["symbol"].tolist()]
        writer.write(Records("market.ticks", [partition_of(key, partitions) for key in keys], keys, encode_ticks(rows)))
        newest = max(newest, int(rows["time"].max()))
    writer.flush()
    writer.close()
    bus.close()
    return newest


def write_heartbeats(url: str, time_ns: int) -> None:
    """One in each partition of the ticks: bars that end before it close."""
    bus = open_bus(url)
    writer, partitions = bus.writer(), bus.partitions("market.ticks")
    beat = b'{"type":"heartbeat","timestamp":%d}' % time_ns
    writer.write(Records("market.ticks", partitions, [b""] * len(partitions), [beat] * len(partitions)))
    writer.flush()
    writer.close()
    bus.close()


def write_control(url: str, topic: str, key: bytes, value: bytes) -> None:
    bus = open_bus(url)
    writer = bus.writer()
    writer.write(Records(topic, [0], [key], [value]))
    writer.flush()
    writer.close()
    bus.close()


class Watch:
    """Counts what a run writes, without disturbing it."""

    def __init__(self, bus: str, topics: Sequence[str]) -> None:
        self._bus = open_bus(bus, patience_s=10)
        self._readers = [self._bus.reader(topic, start=self._bus.state(topic).end) for topic in topics]

    def more(self, wanted: int, alive: Callable[[], bool], seconds: float = 240.0) -> bool:
        """Wait for that many new events; False if ``alive`` is no longer true before, or the time is over."""
        seen, deadline = 0, time.monotonic() + seconds
        while seen < wanted:
            if not alive() or time.monotonic() > deadline:
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
        said = known.setdefault(event["header"]["eventId"], event)
        assert said == event, f"one id, two contents:\n{said}\n{event}"
    return known
