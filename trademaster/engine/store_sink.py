"""The engine's side of a delivery: records of topics go to a store, and an epoch closes when the store has them for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.flow import step_id
from schemas.bus import Batch
from schemas.dead_letters import Reject, encode_dead_letters
from schemas.store import Store
from trademaster.engine.bus_part import BusPart, Item, Reading
from trademaster.engine.runtime import Runtime
from trademaster.engine.sinks import PARTS, part_name
from trademaster.engine.sources import BusSource
from trademaster.engine.topology import DEAD


def wire_delivery(name: str, topics: Sequence[str], store: Store, runtime: Runtime, reading: Reading) -> Dataflow:
    """One dataflow from topics to a store, all of it within a worker.

    Step ids name stored state: a topic's source has the topic's name, so that topics may come and go.
    """
    dataflow = Dataflow("trademaster")
    inputs = [op.input(step_id(topic), dataflow, RecordSource(runtime, topic, reading)) for topic in topics]
    op.output("store", op.merge("all", *inputs), StoreSink(runtime, name, store))
    return dataflow


class RecordPart(BusPart):
    """Records as they are."""

    with_keys = True

    def items(self, batch: Batch) -> list[Item]:
        self._runtime.recorder.batch(self._topic, len(batch), len(batch))
        return [(part_name(self._runtime.process), batch)]


class RecordSource(BusSource):
    """One topic of the bus, as it lies there."""

    part_class = RecordPart


class StorePart(StatefulSinkPartition[Batch, Any]):
    """Hands a worker's records to its store, and what the store refuses to the dead letters."""

    def __init__(self, runtime: Runtime, name: str, store: Store) -> None:
        self._runtime = runtime
        self._name = name
        self._store = store
        self._dead_partitions = len(runtime.bus.partitions(DEAD))

    def write_batch(self, items: list[Batch]) -> None:
        for batch in items:
            with self._runtime.failing:
                self._reject(self._store.write(batch))
            self._runtime.recorder.written(self._name, len(batch))

    def snapshot(self) -> Any:
        """The epoch closes: all that was read is in the store, or among the dead letters."""
        with self._runtime.failing:
            self._reject(self._store.flush())
            self._runtime.writer.flush()
        return {"version": 1}

    def close(self) -> None:
        with self._runtime.failing:
            self._reject(self._store.flush())
            self._runtime.writer.flush()

    def _reject(self, rejects: Sequence[Reject]) -> None:
        if rejects:
            self._runtime.count_rejects(rejects)
            self._runtime.writer.write(encode_dead_letters(rejects, self._name).records(self._dead_partitions))


class StoreSink(FixedPartitionedSink[Batch, Any]):
    """The store of a delivery: a worker has one, whatever parts of the sink live there."""

    def __init__(self, runtime: Runtime, name: str, store: Store) -> None:
        self._runtime = runtime
        self._name = name
        self._store = store

    def list_parts(self) -> list[str]:
        return [part_name(part) for part in range(PARTS)]

    def part_fn(self, item_key: str) -> int:
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> StorePart:
        return StorePart(self._runtime, self._name, self._store)
