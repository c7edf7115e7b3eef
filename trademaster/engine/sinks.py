"""The engine's way out: one part a worker, one writer a process, every acknowledgement checked when an epoch closes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from schemas.bus import RecordColumns, Records, joined
from schemas.outgoing import Outgoing
from schemas.topics import TOPICS, Lane
from trademaster.engine.runtime import Runtime

PARTS = 64
"""Parts are dealt to workers in turn, so part i is worker i's while there are at most this many workers."""


def part_name(process: int) -> str:
    """The part that lives in this process: what a worker made is written where it was made."""
    return f"{process:02d}"


class BusSinkPart(StatefulSinkPartition[Outgoing, Any]):
    """Writes what its worker made."""

    def __init__(self, runtime: Runtime, partitions: Mapping[str, int]) -> None:
        self._runtime = runtime
        self._partitions = partitions

    def write_batch(self, items: list[Outgoing]) -> None:
        by_topic: dict[str, list[Outgoing]] = defaultdict(list)
        for item in items:
            by_topic[item.topic].append(item)
        for topic in sorted(by_topic, key=_is_patient):
            outgoing = by_topic[topic]
            with self._runtime.failing:
                self._runtime.writer.write(_joined(topic, outgoing, self._partitions[topic]))
            self._runtime.recorder.written(topic, sum(len(item) for item in outgoing))

    def snapshot(self) -> Any:
        """The epoch closes: nothing of it may be unacknowledged."""
        with self._runtime.failing:
            self._runtime.writer.flush()
        return {"version": 1}

    def close(self) -> None:
        with self._runtime.failing:
            self._runtime.writer.flush()


def _is_patient(topic: str) -> bool:
    """Alerts are written before all else."""
    return TOPICS[topic].lane is not Lane.CRITICAL


def _joined(topic: str, outgoing: Sequence[Outgoing], partitions: int) -> Records | RecordColumns:
    records = [item.records(partitions) for item in outgoing]
    if len(records) == 1:
        return records[0]
    columns = [item for item in records if isinstance(item, RecordColumns)]
    if len(columns) == len(records):
        places = np.concatenate([item.partitions for item in columns])
        return RecordColumns(topic, places, joined([item.keys for item in columns]), joined([item.values for item in columns]))
    return Records(
        topic,
        [place for item in records for place in item.partitions],
        [key for item in records for key in item.keys],
        [value for item in records for value in item.values],
    )


class BusSink(FixedPartitionedSink[Outgoing, Any]):
    """All topics of a run, through the process's one writer."""

    def __init__(self, runtime: Runtime, partitions: Mapping[str, int]) -> None:
        self._runtime = runtime
        self._partitions = partitions

    def list_parts(self) -> list[str]:
        return [part_name(part) for part in range(PARTS)]

    def part_fn(self, item_key: str) -> int:
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> BusSinkPart:
        return BusSinkPart(self._runtime, self._partitions)
