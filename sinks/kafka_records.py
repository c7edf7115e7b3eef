"""Writes single records to Kafka with their headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException, Producer

from schemas.errors import BusUnavailable, SettingsError
from schemas.kept_records import KeptRecord
from sinks.kafka import WRITER_PROPERTIES


def append(properties: Mapping[str, str], records: list[KeptRecord], *, patience_s: float) -> None:
    """Write to the partitions that the records' places name, in their order; return when all are acknowledged.

    Raises:
        BusUnavailable: some were not within the patience.
    """
    failures: list[str] = []
    settings: dict[str, Any] = {
        **WRITER_PROPERTIES,
        **properties,
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": max(1, round(patience_s * 1000)),
        "statistics.interval.ms": 0,
        "log_level": 0,
        "on_delivery": lambda error, message: failures.append(f"{message.topic()}: {error.str()}") if error is not None else None,
    }
    try:
        producer = Producer(settings)
    except KafkaException as error:
        raise SettingsError(f"Kafka client refused its properties: {error}", hint="check the query of the bus URL") from None
    try:
        for record in records:
            _produce(producer, record)
    except KafkaException as error:
        failures.append(error.args[0].str())
    left = producer.flush(patience_s + 1.0)
    if left or failures:
        raise BusUnavailable(
            f"expected {len(records)} records to be acknowledged in {patience_s:g} s, found {len(failures) + left} that were not"
            + (f": {failures[0]}" if failures else ""),
            hint="check that the broker runs and has room on its disk",
        )


def _produce(producer: Producer, record: KeptRecord) -> None:
    dated: dict[str, int] = {"timestamp": record.timestamp_ms} if record.timestamp_ms >= 0 else {}
    while True:
        try:
            producer.produce(
                record.place.topic,
                record.value,
                record.key,
                record.place.partition,
                headers=list(record.headers),
                **dated,  # type: ignore[arg-type]
            )
        except BufferError:
            producer.poll(0.1)
        else:
            return
