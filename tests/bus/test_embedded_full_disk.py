"""A disk without room: said in the error, and nothing is lost or put out of order."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from schemas.bus import TopicSettings
from schemas.embedded_log import LogFile
from schemas.errors import BusUnavailable
from sinks.embedded import EmbeddedWriter
from tests.bus.contract import everything, finished, records, spawn
from tests.full_disk import room
from trademaster.bus import open_bus


def _write_until_refused(writer: EmbeddedWriter, topic: str) -> int:
    """How many records the writer has taken when it refuses one."""
    number = 0
    with pytest.raises(BusUnavailable, match=r"bus\.db.*full") as caught:  # noqa: PT012 - which write it is, is the answer
        for number in itertools.count():
            writer.write(records(topic, [(number % 2, b"%d:" % number + b"x" * 2000)]))
    assert "limit on the size of files" in caught.value.hint
    return number


def test_records_taken_while_the_disk_was_full_are_written_in_order_when_there_is_room(tmp_path: Path) -> None:
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 2, compacted=False)])
    file = LogFile(tmp_path, patience_s=0.0)
    writer = EmbeddedWriter(file, None)
    with room(100_000):
        taken = _write_until_refused(writer, "t")
        committed = len(everything(bus, "t"))
        assert 0 < committed < taken
        with pytest.raises(BusUnavailable, match=f"{taken - committed} records are kept in memory"):
            writer.flush(0.0)
    writer.flush()
    writer.write(records("t", [(taken % 2, b"%d:" % taken)]))
    writer.close()
    found = everything(bus, "t")
    assert sorted(int(value.partition(b":")[0]) for _, _, value in found) == list(range(taken + 1))
    for partition in range(2):
        numbers = [int(value.partition(b":")[0]) for p, _, value in found if p == partition]
        assert numbers == sorted(numbers)
    bus.close()


def test_a_full_buffer_holds_the_writer_until_its_patience_ends(tmp_path: Path) -> None:
    """The bound of the buffer: it refuses, and does not grow."""
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 1, compacted=False)])
    file = LogFile(tmp_path, patience_s=0.2)
    writer = EmbeddedWriter(file, None)
    taken = 0
    with room(100_000), pytest.raises(BusUnavailable, match="full"):  # noqa: PT012 - which write it is, is the question
        for taken in range(1000):
            writer.write(records("t", [(0, b"%d" % taken + b"x" * 1_000_000)]))
    assert taken <= 9
    writer.close()
    assert [int(value.rstrip(b"x")) for _, _, value in everything(bus, "t")] == list(range(taken))
    bus.close()


_LIMITED = """
import itertools, resource, sys
from schemas.errors import BusUnavailable
from tests.bus.contract import records
from trademaster.bus import open_bus

writer = open_bus(sys.argv[1], patience_s=0.05).writer()
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
for number in itertools.count():
    try:
        writer.write(records("t", [(number % 3, b"%d:" % number + b"x" * 20_000)]))
    except BusUnavailable as error:
        print(number, error, error.hint)
        break
try:
    writer.flush(0.05)
except BusUnavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.flush()
writer.write(records("t", [(number % 3, b"%d:" % number)]))
writer.close()
"""


def test_a_limit_on_the_size_of_files_is_told_and_outlived(tmp_path: Path) -> None:
    """A real refusal by the system, in the middle of a write."""
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 3, compacted=False)])
    first, second = finished(spawn(_LIMITED, bus.url)).splitlines()
    taken = int(first.split()[0])
    assert taken > 50
    assert "bus.db" in first
    assert "disk" in first
    assert "kept in memory" in second
    found = everything(bus, "t")
    for partition in range(3):
        numbers = [int(value.partition(b":")[0]) for p, _, value in found if p == partition]
        assert numbers == list(range(partition, taken + 1, 3))
    bus.close()
