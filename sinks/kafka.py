"""Writes records to Kafka: idempotent, acknowledged by all replicas, each failure told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from schemas import rdkafka as c
from schemas.bus import Bytes1D, Int32s, Int64s, RecordColumns, Records
from schemas.errors import BusError, BusUnavailable, RecordTooLarge, UnknownTopic
from schemas.kafka_health import Health
from sinks.kafka_client import Failure, Producer

WRITER_PROPERTIES: Mapping[str, str] = {
    "enable.idempotence": "true",
    "acks": "all",
    "compression.type": "lz4",
    # Records of one step go to many partitions: without a wait the first of them leaves alone, and under a load of small steps the broker
    # and the client spend a third more on requests. flush() never waits for it.
    "linger.ms": "1",
    "message.max.bytes": str(c.MAX_RECORD_BYTES + 1048576),
    # The bound of what is queued: write() blocks beyond it. Small enough for the processor's cache: 200,000 cost twice as much a record.
    "queue.buffering.max.messages": "20000",
    "queue.buffering.max.kbytes": "131072",
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "1000",
    "retry.backoff.ms": "50",
    "socket.timeout.ms": "10000",
    "socket.keepalive.enable": "true",
    "statistics.interval.ms": "1000",
}
"""What a writer needs; a bus URL may set others and change most of these."""

_FIXED = ("enable.idempotence", "acks", "statistics.interval.ms")
_ROOM_WAIT_S = 0.001
_ASK_S = 1.0
_SLICE_S = 0.1
"""Longest wait inside C, so that a signal of the operating system is seen."""


class KafkaWriter:
    """Appends records to topics of one cluster: the ``schemas.bus.Writer`` of Kafka. Not thread-safe.

    A record that cannot be delivered is retried for ``patience_s``, in order and without repeats; then it is given up and the next
    ``write`` or ``flush`` raises. Records queued after it may still arrive: who is told writes again from what was last flushed.

    Args:
        properties: librdkafka's, ``bootstrap.servers`` among them.
        patience_s: how long a record may wait for a broker.
        compiled: False writes through confluent-kafka's Python calls; None uses the compiled form where it can be loaded.
    """

    def __init__(self, properties: Mapping[str, str], *, patience_s: float = 30.0, compiled: bool | None = None) -> None:
        self._patience_s = patience_s
        self._health = Health(properties.get("bootstrap.servers", ""), patience_s)
        fixed = {name: WRITER_PROPERTIES[name] for name in _FIXED}
        fixed["message.timeout.ms"] = str(max(1, round(patience_s * 1000)))
        self._partition_counts: dict[str, int] = {}
        self._producer = _producer({**WRITER_PROPERTIES, **properties, **fixed}, self._health, compiled)

    def write(self, records: Records | RecordColumns) -> None:
        """Queue records; see ``schemas.bus.Writer.write``.

        Raises:
            RecordTooLarge: a record is larger than ``MAX_RECORD_BYTES``; none of this call was queued.
        """
        if not len(records):
            return
        if isinstance(records, RecordColumns):
            self.write_columns(
                records.topic,
                records.partitions,
                records.keys.data,
                records.keys.ends,
                records.values.data,
                records.values.ends,
                records.timestamp_ms,
            )
            return
        keys, key_ends = _joined(records.keys)
        values, value_ends = _joined(records.values)
        partitions = np.asarray(records.partitions, np.int32)
        self.write_columns(records.topic, partitions, keys, key_ends, values, value_ends, records.timestamp_ms)

    def write_columns(
        self,
        topic: str,
        partitions: Int32s,
        keys: Bytes1D,
        key_ends: Int64s,
        values: Bytes1D,
        value_ends: Int64s,
        timestamp_ms: int = -1,
    ) -> None:
        """As ``write``, for who has columns already. No copy is kept after the call.

        Args:
            partitions: shape (n,).
            keys, values: all keys and all values, one after another.
            key_ends, value_ends: shape (n,): where each ends. A negative end says that the value is absent (a tombstone): it is the
                end before it, negated and less one.
        """
        if not len(partitions) == len(key_ends) == len(value_ends):
            raise ValueError(f"columns differ in length: {len(partitions)} partitions, {len(key_ends)} keys, {len(value_ends)} values")
        if not len(partitions):
            return
        self._raise_failures(self._producer.serve(0.0))
        self._refuse_large(topic, key_ends, value_ends)
        self._require(topic, int(partitions.max()))
        first, order = 0, self._producer.order(partitions)
        while True:
            taken, code = self._producer.produce(topic, first, order, partitions, keys, key_ends, values, value_ends, timestamp_ms)
            first += taken
            if code == 0:
                return
            if code != c.ERR_QUEUE_FULL:
                self._health.check(f"writing to {topic}")
                raise _refused(code, topic, int(partitions[order[first]]))
            self._raise_failures(self._producer.serve(_ROOM_WAIT_S))

    def _require(self, topic: str, partition: int) -> None:
        """Ask the cluster once for each topic: librdkafka would hold the records of an unknown one back until they time out."""
        if partition < self._partition_counts.get(topic, 0):
            return
        deadline_s = time.monotonic() + self._patience_s
        while True:
            count, code = self._producer.partition_count(topic, _ASK_S)
            if code in c.UNKNOWN_TOPIC_ERRORS or (code == 0 and partition >= count):
                raise _unknown(topic, partition)
            if code == 0:
                self._partition_counts[topic] = count
                return
            self._raise_failures(self._producer.serve(_ROOM_WAIT_S))
            if time.monotonic() > deadline_s:
                raise BusUnavailable(
                    f"Kafka did not describe {topic} in {self._patience_s:g} s{self._health.said()}",
                    hint="check that the broker runs and that its address and credentials are right",
                )

    @staticmethod
    def _refuse_large(topic: str, key_ends: Int64s, value_ends: Int64s) -> None:
        # The whole first: single lengths are needed only where one of them may be too large.
        if len(value_ends) and _last(value_ends) + _last(key_ends) > c.MAX_RECORD_BYTES:
            largest = int((_lengths(value_ends) + _lengths(key_ends)).max())
            if largest > c.MAX_RECORD_BYTES:
                raise RecordTooLarge(
                    f"expected a record of at most {c.MAX_RECORD_BYTES} bytes for {topic}, got {largest}",
                    hint="send it in parts, or keep it elsewhere and write where it is",
                )

    def flush(self, timeout_s: float = 30.0) -> None:
        """Return when every record written so far is acknowledged; see ``schemas.bus.Writer.flush``.

        A flush that ran out of time gives nothing up: the records stay queued, and a later flush may succeed.
        """
        deadline_s = time.monotonic() + timeout_s
        failures: list[Failure] = []
        while True:
            failures += self._producer.serve(0.0)
            if not self._producer.pending():
                break
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                self._raise_failures(failures)
                pending = self._producer.pending()
                raise BusUnavailable(
                    f"{pending} records were not acknowledged in {timeout_s:g} s{self._health.said()}",
                    hint=f"they stay queued and are tried for {self._patience_s:g} s each; flush again, or check the broker",
                )
            self._producer.wait(min(remaining_s, _SLICE_S))
        self._raise_failures(failures + self._producer.serve(0.0))

    def _raise_failures(self, failures: Sequence[Failure]) -> None:
        if not failures:
            return
        failures = [*failures, *self._producer.serve(0.0)]
        counts = Counter((failure.topic, failure.text) for failure in failures)
        what = "; ".join(f"{count} records to {topic}: {text}" for (topic, text), count in counts.most_common(5))
        message = f"not delivered in {self._patience_s:g} s: {what}{self._health.said()}"
        if all(failure.code in c.UNKNOWN_TOPIC_ERRORS for failure in failures):
            raise _unknown(failures[0].topic, failures[0].partition)
        if all(failure.code == c.ERR_MSG_SIZE_TOO_LARGE for failure in failures):
            raise RecordTooLarge(
                f"the broker refused {what}", hint="raise the topic's max.message.bytes (trademaster topics create sets it)"
            )
        raise BusUnavailable(message, hint="check that the broker runs and has room on its disk; then write again what was not flushed")

    def close(self) -> None:
        """Let go of the connection. What was not flushed is dropped: ``flush`` first."""
        self._producer.close()


def _refused(code: int, topic: str, partition: int) -> BusError:
    if code in c.UNKNOWN_TOPIC_ERRORS:
        return _unknown(topic, partition)
    return BusUnavailable(f"Kafka client refused a record to {topic}: error {code}", hint="open the writer anew")


def _unknown(topic: str, partition: int) -> UnknownTopic:
    return UnknownTopic(f"Kafka has no partition {partition} of topic {topic}", hint="create it: trademaster topics create")


def _joined(parts: Sequence[bytes | None]) -> tuple[Bytes1D, Int64s]:
    """All parts in one buffer, and where each ends; an absent one as ``KafkaWriter.write_columns`` says."""
    try:
        joined = b"".join(parts)  # type: ignore[arg-type]  # the exception is the test for None, which is rare
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))  # type: ignore[arg-type]
    except TypeError:
        absent = np.fromiter((part is None for part in parts), np.bool_, len(parts))
        joined = b"".join(part or b"" for part in parts)
        ends = np.cumsum(np.fromiter((len(part or b"") for part in parts), np.int64, len(parts)))
        return np.frombuffer(joined, np.uint8), np.where(absent, -ends - 1, ends)
    return np.frombuffer(joined, np.uint8), np.cumsum(lengths)


def _last(ends: Int64s) -> int:
    last = int(ends[-1])
    return last if last >= 0 else -last - 1


def _lengths(ends: Int64s) -> Int64s:
    return np.diff(np.where(ends < 0, -ends - 1, ends), prepend=0)


def _producer(properties: Mapping[str, str], health: Health, compiled: bool | None) -> Producer:
    def on_error(code: int, text: str) -> None:
        health.on_error(code, text, fatal=code == c.ERR_FATAL)

    if compiled is None:
        compiled = c.library() is not None
    # Imported here: the one costs the compiler's start, the other is seldom needed.
    if compiled:
        from sinks.rdkafka import CompiledProducer

        return CompiledProducer(properties, on_error, health.on_statistics)
    from sinks.kafka_plain import PlainProducer

    return PlainProducer(properties, on_error, health.on_statistics)
