"""The store behind the delivery ``influxdb``: events of the bus as points, each once, whatever happens to the server or to us.

Writing a point again changes nothing, so what was not confirmed is simply written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import numpy as np
import structlog

from schemas.bus import Batch, Bytes1D, Int64s
from schemas.dead_letters import Reject
from schemas.store import Opening
from sinks.influx import lines as line_kernels
from sinks.influx import ties as tie_kernels
from sinks.influx.lines import Lines, write_lines
from sinks.influx.outbox import Limits, Outbox, Part
from sinks.influx.requests import Target, WriteClient
from sinks.influx.ties import TieMemory
from sinks.influx.trouble import Trouble


class InfluxStore:
    """Takes batches of the topics of ``sinks.influx.points.TOPICS``.

    Args:
        target: where points go.
        limits: how they are gathered.
        opening: of the run; its folder keeps what tells ties apart (``sinks/influx/ties.py``).

    Raises:
        StoreError: the address is none.
    """

    def __init__(self, target: Target, limits: Limits, opening: Opening) -> None:
        self._ties = TieMemory(opening.folder)
        client = WriteClient(target, limits.senders)
        host = urlsplit(target.url).netloc.rpartition("@")[2]
        trouble = Trouble(structlog.get_logger().bind(process=opening.process), f"{host}, bucket {target.bucket}")
        self._outbox = Outbox(client, limits, opening.stopping, trouble)

    def write(self, batch: Batch) -> Sequence[Reject]:
        """As of ``schemas.store.Store``."""
        lines, rejects = write_lines(batch)
        if len(lines):
            data, ends = with_seq(lines, self._numbers(batch, lines))
            self._outbox.put(Part(data, ends, batch, lines.rows))
        return [*rejects, *self._outbox.take_rejects()]

    def flush(self) -> Sequence[Reject]:
        """As of ``schemas.store.Store``."""
        self._outbox.drain()
        return self._outbox.take_rejects()

    def close(self) -> None:
        """As of ``schemas.store.Store``."""
        self._outbox.close()
        self._ties.close()

    def _numbers(self, batch: Batch, lines: Lines) -> Int64s:
        """``seq`` of each line; of each partition in its order."""
        partitions, offsets = batch.partition[lines.rows], batch.offset[lines.rows]
        numbers: Int64s = np.empty(len(lines), np.int64)
        for partition in np.unique(partitions).tolist():
            places = np.flatnonzero(partitions == partition)
            places = places[np.argsort(offsets[places], kind="stable")]
            numbers[places] = self._ties.number(batch.topic, partition, lines.keys[places], lines.ids[places], offsets[places])
        return numbers


def with_seq(lines: Lines, numbers: Int64s) -> tuple[Bytes1D, Int64s]:
    """Lines and their ends, with the tag ``seq`` in those whose number is not 0. Hardly any have one."""
    tied = np.flatnonzero(numbers)
    if not len(tied):
        return lines.data, lines.ends
    texts = [b",seq=%d" % number for number in numbers[tied].tolist()]
    lengths = np.array([len(text) for text in texts], np.int64)
    data: Bytes1D = np.insert(lines.data, np.repeat(lines.heads[tied], lengths), np.frombuffer(b"".join(texts), np.uint8))
    longer = np.zeros(len(lines), np.int64)
    longer[tied] = lengths
    return data, lines.ends + np.cumsum(longer)


def compile_kernels() -> None:
    """Compile what ``InfluxStore.write`` calls."""
    line_kernels.compile_kernels()
    tie_kernels.compile_kernels()
