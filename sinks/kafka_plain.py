"""The producer over confluent-kafka's Python interface: for where its librdkafka cannot be loaded by itself. Same results, slower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import confluent_kafka
import numpy as np
from confluent_kafka import KafkaException

from schemas import rdkafka as c
from schemas.bus import Bytes1D, Int32s, Int64s
from schemas.errors import SettingsError
from sinks.kafka_client import Failure, OnError, OnStatistics


class PlainProducer:
    """A ``confluent_kafka.Producer``. Arguments as of ``CompiledProducer``."""

    def __init__(self, properties: Mapping[str, str], on_error: OnError, on_statistics: OnStatistics) -> None:
        settings: dict[str, Any] = {**properties, "delivery.report.only.error": True, "log_level": 0}
        settings["error_cb"] = lambda error: on_error(error.code(), error.str())
        settings["stats_cb"] = lambda text: on_statistics(text.encode())
        settings["on_delivery"] = self._delivered
        self._failures: list[Failure] = []
        try:
            self._producer: Any = confluent_kafka.Producer(settings)
        except KafkaException as error:
            raise SettingsError(f"Kafka client refused its properties: {error}", hint="check the query of the bus URL") from None

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failures.append(Failure(error.code(), message.topic(), message.partition(), error.str()))

    def partition_count(self, topic: str, timeout_s: float) -> tuple[int, int]:
        try:
            found = self._producer.list_topics(topic, timeout=timeout_s).topics[topic]
        except KafkaException as error:
            return 0, int(error.args[0].code())
        return len(found.partitions), found.error.code() if found.error is not None else 0

    def order(self, partitions: Int32s) -> Int64s:
        return np.argsort(partitions, kind="stable")

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
    ) -> tuple[int, int]:
        all_keys, all_values = _cut(keys.tobytes(), key_ends.tolist()), _cut(values.tobytes(), value_ends.tolist())
        dated: dict[str, int] = {"timestamp": timestamp_ms} if timestamp_ms >= 0 else {}
        for at in range(first, len(partitions)):
            row = order[at]
            try:
                self._producer.produce(topic, all_values[row], all_keys[row], int(partitions[row]), **dated)
            except BufferError:
                return at - first, c.ERR_QUEUE_FULL
            except KafkaException as error:
                return at - first, int(error.args[0].code())
        return len(partitions) - first, 0

    def serve(self, timeout_s: float) -> list[Failure]:
        self._producer.poll(timeout_s)
        failures, self._failures = self._failures, []
        return failures

    def wait(self, timeout_s: float) -> None:
        self._producer.flush(max(0.0, timeout_s))

    def pending(self) -> int:
        return len(self._producer)

    def close(self) -> None:
        self._producer.purge(blocking=False)


def _cut(joined: bytes, ends: list[int]) -> list[bytes | None]:
    parts: list[bytes | None] = []
    start = 0
    for end in ends:
        if end < 0:
            parts.append(None)
        else:
            parts.append(joined[start:end])
            start = end
    return parts
