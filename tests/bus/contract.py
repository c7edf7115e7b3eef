"""What the tests of both buses share: topics of their own, reading to the end, programs in other processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from schemas.bus import Batch, Bus, Column, Position, Reader, RecordColumns, Records, TopicSettings

ROOT = Path(__file__).parents[2]
WAIT_S = 20.0
"""For what must come; nothing waits so long unless it fails."""

Seen = tuple[int, int, bytes]
"""Partition, offset, value."""


def new_topic(bus: Bus, partitions: int = 3, *, compacted: bool = False) -> str:
    """A topic that no other test has."""
    name = f"test.{uuid.uuid4().hex}"
    assert bus.create([TopicSettings(name, partitions, compacted)]) == [name]
    return name


def records(topic: str, rows: Sequence[tuple[int, bytes | None]], timestamp_ms: int = -1) -> Records:
    """Rows of partition and value; the key is the row's place."""
    return Records(topic, [p for p, _ in rows], [b"%d" % i for i in range(len(rows))], [value for _, value in rows], timestamp_ms)


def in_columns(written: Records) -> RecordColumns:
    """The same in a writer's other form."""
    keys, values = (
        Column(np.frombuffer(bytearray(b"".join(texts)), np.uint8), np.cumsum([len(text) for text in texts], dtype=np.int64))
        for texts in (written.keys, [value or b"" for value in written.values])
    )
    return RecordColumns(written.topic, np.array(written.partitions, np.int32), keys, values, written.timestamp_ms)


def put(bus: Bus, written: Records | RecordColumns) -> None:
    """Write and flush with a writer of its own."""
    writer = bus.writer()
    writer.write(written)
    writer.flush()
    writer.close()


def seen(batch: Batch) -> list[Seen]:
    """The records of a batch, after a look at the form of its columns."""
    count = len(batch)
    assert count > 0
    assert [str(column.dtype) for column in (batch.data, batch.ends, batch.partition)] == ["uint8", "int64", "int32"]
    assert [str(column.dtype) for column in (batch.offset, batch.timestamp_ms)] == ["int64", "int64"]
    assert {len(batch.partition), len(batch.offset), len(batch.timestamp_ms)} == {count}
    assert batch.keys is None or len(batch.keys) == count
    assert int(batch.ends[-1]) == len(batch.data)
    values = list(batch.values())
    assert values == [batch.value(i) for i in range(count)]
    return list(zip(batch.partition.tolist(), batch.offset.tolist(), values, strict=True))


def left(reader: Reader) -> bool:
    """Whether the reader has not come to the end of its partitions."""
    position = reader.position()
    return any(position[partition] < end for partition, end in reader.end().items())


def drained(reader: Reader, max_records: int = 1000) -> list[Batch]:
    """All batches up to the end as it is now."""
    batches = []
    while left(reader):
        batch = reader.poll(max_records, WAIT_S)
        if batch is None:
            # The end may lie behind records that compaction took; the position then passes them without a batch.
            assert not left(reader), f"nothing came in {WAIT_S} s at {reader.position()} of {reader.end()}"
        else:
            assert len(batch) <= max_records
            batches.append(batch)
    return batches


def everything(bus: Bus, topic: str, start: Position | None = None) -> list[Seen]:
    """All records of a topic, or those from ``start``, by a reader of its own."""
    reader = bus.reader(topic, start=start)
    try:
        return [record for batch in drained(reader) for record in seen(batch)]
    finally:
        reader.close()


def by_partition(rows: Sequence[Seen], partitions: int) -> list[list[tuple[int, bytes]]]:
    lists: list[list[tuple[int, bytes]]] = [[] for _ in range(partitions)]
    for partition, offset, value in rows:
        lists[partition].append((offset, value))
    return lists


def sealed(counter: int, size: int) -> bytes:
    """A value that shows whether it is whole: checksum, counter, filling."""
    body = b"%d:" % counter + b"x" * size
    return b"%08x:" % crc32(body) + body


def unsealed(value: bytes) -> int:
    """The counter of a value, which must be whole."""
    body = value[9:]
    assert value[:9] == b"%08x:" % crc32(body), "torn record"
    return int(body.partition(b":")[0])


def spawn(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program in another process, at the root of the repository, its stdout to read."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> str:
    """What it wrote to stdout, once it has ended well."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output
