"""Reads single records of Kafka with their headers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas import rdkafka as c
from schemas.bus import TopicState
from schemas.errors import BusUnavailable, SettingsError
from schemas.events import Place
from schemas.kept_records import KeptRecord, RecordHeaders

_READ_ON = 500
"""A record so few offsets ahead is cheaper to read up to than to ask for anew."""
_SLICE_S = 0.1


def records_at(
    properties: Mapping[str, str], state: TopicState, places: list[tuple[int, int]], *, group: str, patience_s: float
) -> dict[tuple[int, int], KeptRecord]:
    """The records at these (partition, offset) of a topic; those that are not kept are left out.

    Args:
        properties: librdkafka's, ``bootstrap.servers`` among them.
        state: which topic, and what of it is kept: nobody waits for what is not.
        group: of which nothing is asked; the client wants one.
        patience_s: how long one record may take to come.

    Raises:
        BusUnavailable: one took longer.
    """
    wanted = sorted({(part, offset) for part, offset in places if state.begin.get(part, 0) <= offset < state.end.get(part, 0)})
    if not wanted:
        return {}
    fixed = {"enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "error", "log_level": 0}
    try:
        consumer = Consumer({"group.id": group, "isolation.level": "read_committed", **properties, **fixed})
    except KafkaException as error:
        raise SettingsError(f"Kafka client refused its properties: {error}", hint="check the query of the bus URL") from None
    try:
        return _Finding(consumer, state.topic, patience_s).all(wanted)
    finally:
        consumer.close()


class _Finding:
    """One consumer that goes from place to place."""

    def __init__(self, consumer: Consumer, topic: str, patience_s: float) -> None:
        self._consumer = consumer
        self._topic = topic
        self._patience_s = patience_s

    def all(self, wanted: list[tuple[int, int]]) -> dict[tuple[int, int], KeptRecord]:
        found: dict[tuple[int, int], KeptRecord] = {}
        at = (-1, -1)
        """Partition and next offset of the consumer."""
        ahead: Any = None
        """The message that was read last, when it lies behind what was looked for."""
        for part, offset in wanted:
            if ahead is not None and at[0] == part and ahead.offset() >= offset:
                message = ahead
            else:
                if at[0] != part or not 0 <= offset - at[1] < _READ_ON:
                    self._consumer.assign([TopicPartition(self._topic, part, offset)])
                message = self._first_from(offset)
            ahead = message
            at = (part, message.offset() + 1) if message is not None else (-1, -1)
            if message is not None and message.offset() == offset:
                found[part, offset] = _record(self._topic, message)
        return found

    def _first_from(self, offset: int) -> Any:
        """The first message at or behind an offset; None if the partition has none."""
        deadline_s = time.monotonic() + self._patience_s
        while time.monotonic() < deadline_s:
            message = self._consumer.poll(_SLICE_S)
            if message is None:
                continue
            error = message.error()
            if error is None:
                if (message.offset() or 0) >= offset:
                    return message
            elif error.code() in (c.ERR_PARTITION_EOF, c.ERR_AUTO_OFFSET_RESET, c.ERR_OFFSET_OUT_OF_RANGE):
                return None
        raise BusUnavailable(
            f"Kafka did not give a record of {self._topic} in {self._patience_s:g} s", hint="check that the broker runs and can be reached"
        )


def _record(topic: str, message: Any) -> KeptRecord:
    headers: RecordHeaders = tuple((name, value) for name, value in message.headers() or ())
    place = Place(topic, message.partition(), message.offset())
    return KeptRecord(place, message.key(), message.value(), headers, message.timestamp()[1])
