"""What a Kafka writer asks of a producer, whichever binding it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas.bus import Bytes1D, Int32s, Int64s

OnError = Callable[[int, str], None]
"""Called with librdkafka's error code and its words."""
OnStatistics = Callable[[bytes], None]
"""Called with librdkafka's statistics, a JSON document."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that was given up."""

    code: int
    topic: str
    partition: int
    text: str


class Producer(Protocol):
    """Queues records, retries them by itself, and reports only those that it gave up.

    Columns as of ``KafkaWriter.write_columns``; ``CompiledProducer`` documents each verb.
    """

    def partition_count(self, topic: str, timeout_s: float) -> tuple[int, int]: ...

    def order(self, partitions: Int32s) -> Int64s: ...

    def produce(
        self,
        topic: str,
        first: int,
        order: Int64s,
        partitions: Int32s,
        keys: Bytes1D,
        key_ends: Int64s,
        values: Bytes1D,
        value_ends: Int64s,
        timestamp_ms: int,
    ) -> tuple[int, int]: ...

    def serve(self, timeout_s: float) -> list[Failure]: ...

    def wait(self, timeout_s: float) -> None: ...

    def pending(self) -> int: ...

    def close(self) -> None: ...
