"""The consumer over confluent-kafka's Python interface: for where its librdkafka cannot be loaded by itself. Same answers, slower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas import rdkafka as c
from schemas.bus import Batch, Position
from schemas.errors import BusError, BusUnavailable, SettingsError, UnknownTopic
from sources.kafka_client import Fetched, OnError, OnStatistics, PartitionError

_LARGEST_BATCH = 65_536


class PlainConsumer:
    """A ``confluent_kafka.Consumer`` with partitions assigned by hand. Arguments as of ``CompiledConsumer``."""

    def __init__(self, properties: Mapping[str, str], on_error: OnError, on_statistics: OnStatistics) -> None:
        settings: dict[str, Any] = {**properties, "log_level": 0}
        settings["error_cb"] = lambda error: on_error(error.code(), error.str())
        settings["stats_cb"] = lambda text: on_statistics(text.encode())
        try:
            self._consumer = Consumer(settings)
        except KafkaException as error:
            raise SettingsError(f"Kafka client refused its properties: {error}", hint="check the query of the bus URL") from None

    def assign(self, topic: str, position: Position) -> None:
        self._consumer.assign(_list(topic, position))

    def fetch(self, topic: str, max_records: int, timeout_s: float, with_keys: bool) -> Fetched:
        room = min(max_records, _LARGEST_BATCH)
        messages = self._consumer.consume(room, 0)
        if not messages and timeout_s > 0:
            messages = self._consumer.consume(1, timeout_s)
            if messages and room > 1:
                messages += self._consumer.consume(room - 1, 0)
        errors: list[PartitionError] = []
        good: list[Any] = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                errors.append(PartitionError(error.code(), _or(message.partition(), -1), _or(message.offset(), -1), error.str()))
        return Fetched(_columns(topic, good, with_keys) if good else None, errors)

    def position(self, topic: str, partitions: Position) -> Position:
        found = _asked(lambda: self._consumer.position(_list(topic, partitions)), f"tell the position in {topic}")
        return {p.partition: p.offset for p in found if p.error is None and p.offset >= 0}

    def fetched_end(self, topic: str, partitions: Position) -> Position:
        found = {p: self._consumer.get_watermark_offsets(TopicPartition(topic, p), cached=True) for p in partitions}
        return {p: ends[1] for p, ends in found.items() if ends[1] >= 0}

    def offsets(self, topic: str, partitions: Position, timeout_s: float) -> Position:
        found = _asked(lambda: self._consumer.offsets_for_times(_list(topic, partitions), timeout=timeout_s), f"list offsets of {topic}")
        for partition in found:
            if partition.error is not None:
                raise _failed(f"list offsets of {topic}", partition.error)
        return {p.partition: p.offset for p in found}

    def commit(self, topic: str, position: Position) -> None:
        try:
            self._consumer.commit(offsets=_list(topic, position), asynchronous=True)
        except KafkaException:
            return  # for lag tools only

    def close(self) -> None:
        self._consumer.close()


def _columns(topic: str, messages: list[Any], with_keys: bool) -> Batch:
    rows = len(messages)
    values = [message.value() or b"" for message in messages]
    return Batch(
        topic,
        np.frombuffer(b"".join(values), np.uint8),
        np.cumsum(np.fromiter(map(len, values), np.int64, rows), dtype=np.int64),
        np.fromiter((message.partition() for message in messages), np.int32, rows),
        np.fromiter((message.offset() for message in messages), np.int64, rows),
        np.fromiter((message.timestamp()[1] for message in messages), np.int64, rows),
        [message.key() for message in messages] if with_keys else None,
    )


def _list(topic: str, position: Position) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, offset) for partition, offset in position.items()]


def _or(value: int | None, absent: int) -> int:
    return absent if value is None else value


def _asked(ask: Any, what: str) -> Any:
    try:
        return ask()
    except KafkaException as error:
        raise _failed(what, error.args[0]) from None


def _failed(what: str, error: Any) -> BusError:
    if error.code() in c.UNKNOWN_TOPIC_ERRORS:
        return UnknownTopic(f"Kafka could not {what}: {error.str()}", hint="create it: trademaster topics create")
    return BusUnavailable(f"Kafka could not {what}: {error.str()}", hint="check that the broker runs and can be reached")
