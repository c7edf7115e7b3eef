"""Many processes at one file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from schemas.bus import TopicSettings
from schemas.embedded_log import LogFile
from schemas.errors import BusUnavailable
from tests.bus.contract import WAIT_S, Seen, by_partition, everything, finished, left, records, seen, spawn
from trademaster.bus import open_bus

_OPEN = "import sys; from trademaster.bus import open_bus\nsys.stdin.readline(); print(open_bus(sys.argv[1]).identity())"
_WRITE = """
import sys
from tests.bus.contract import records
from trademaster.bus import open_bus
writer = open_bus(sys.argv[1]).writer()
for n in range(0, 2000, 10):
    writer.write(records("t", [(i % 3, b"%s:%d" % (sys.argv[2].encode(), i)) for i in range(n, n + 10)]))
writer.close()
"""
_HOLD = """
import sys, pathlib
from schemas.embedded_log import LogFile
file = LogFile(pathlib.Path(sys.argv[1]))
with file.write_lock.held(1, file.path):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_processes_that_make_the_file_at_once_get_the_same(tmp_path: Path) -> None:
    url = f"embedded://{tmp_path}/new"
    processes = [spawn(_OPEN, url) for _ in range(4)]
    assert len({finished(process) for process in processes}) == 1


def test_writers_in_many_processes_lose_nothing_and_keep_their_order(tmp_path: Path) -> None:
    bus = open_bus(f"embedded://{tmp_path}")
    bus.create([TopicSettings("t", 3, compacted=False)])
    reader = bus.reader("t")
    processes: list[subprocess.Popen[str]] = [spawn(_WRITE, bus.url, str(number)) for number in range(3)]
    live: list[Seen] = []
    while len(live) < 3 * 2000:
        batch = reader.poll(177, WAIT_S)
        assert batch is not None
        live += seen(batch)
    assert [finished(process) for process in processes] == [""] * 3
    assert not left(reader)
    reader.close()
    found = by_partition(everything(bus, "t"), 3)
    assert by_partition(live, 3) == found
    for partition, part in enumerate(found):
        assert [offset for offset, _ in part] == list(range(len(part)))
        for writer in (b"0", b"1", b"2"):
            mine = [int(value[2:]) for _, value in part if value[:1] == writer]
            assert mine == list(range(partition, 2000, 3))
    bus.close()


def test_a_holder_that_hangs_is_told_and_its_death_frees_the_file(tmp_path: Path) -> None:
    bus = open_bus(f"embedded://{tmp_path}", patience_s=0.1)
    bus.create([TopicSettings("t", 1, compacted=False)])
    writer = bus.writer()
    holder = spawn(_HOLD, str(tmp_path))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    writer.write(records("t", [(0, b"waits")]))
    with pytest.raises(BusUnavailable, match="held by another process") as caught:
        writer.flush(0.1)
    assert "end it" in caught.value.hint
    with pytest.raises(BusUnavailable):
        LogFile(tmp_path, patience_s=0.1)
    holder.kill()
    holder.communicate()
    writer.close()
    assert everything(bus, "t") == [(0, 0, b"waits")]
    bus.close()
