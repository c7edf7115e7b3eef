"""Reads partitions of one Kafka topic into columns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from schemas import rdkafka as c
from schemas.bus import Batch, Position
from schemas.errors import BusUnavailable, PositionLost, UnknownTopic
from schemas.kafka_health import Health
from sources.kafka_client import Consumer, PartitionError

READER_PROPERTIES: Mapping[str, str] = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    "enable.partition.eof": "false",
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    # librdkafka waits 1 s before it fills a full queue again: catch-up would be capped at 175,000 records a second.
    "fetch.queue.backoff.ms": "2",
    # How long the broker may hold an empty answer back. A new record ends the wait, so it costs no latency and saves requests.
    "fetch.wait.max.ms": "50",
    "fetch.error.backoff.ms": "100",
    # Prefetched per partition. The bound of memory is queued.max.messages.kbytes of values (64 MiB, over all partitions), as much
    # again for librdkafka's own record of each small message, twice; and one answer of the broker beside it (fetch.max.bytes).
    "queued.min.messages": "50000",
    "queued.max.messages.kbytes": "65536",
    "fetch.message.max.bytes": "1048576",
    "fetch.max.bytes": "16777216",
    "receive.message.max.bytes": str(16777216 + c.MAX_RECORD_BYTES + 1048576),
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "1000",
    "socket.timeout.ms": "10000",
    "socket.keepalive.enable": "true",
    "statistics.interval.ms": "1000",
}
"""What a reader needs; a bus URL may set others and change most of these."""

_FIXED = ("enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof", "auto.offset.reset", "statistics.interval.ms")
_FORBIDDEN = (29, 30)
"""Kafka's error codes for a topic or a group that this user may not use."""
_ASK_AGAIN_S = 0.02
_SLICE_S = 0.1
"""Longest wait inside C, so that a signal of the operating system is seen."""
_COMMIT_EVERY_S = 1.0


class KafkaReader:
    """Reads fixed partitions of one topic: the ``schemas.bus.Reader`` of Kafka. Not thread-safe.

    Args:
        properties: librdkafka's, ``bootstrap.servers`` among them.
        topic: an existing topic.
        start: partition to the offset to begin at; every partition to be read is named. ``OFFSET_BEGINNING`` is its first.
        patience_s: how long brokers may be out of reach before ``poll`` raises.
        group: consumer group in which ``commit`` stores offsets, for tools that show lag.
        compiled: False reads through confluent-kafka's Python objects; None uses the compiled form where it can be loaded.

    Raises:
        BusUnavailable: no broker answers within the patience.
    """

    def __init__(
        self,
        properties: Mapping[str, str],
        topic: str,
        start: Mapping[int, int],
        *,
        with_keys: bool = False,
        patience_s: float = 30.0,
        group: str = "trademaster",
        compiled: bool | None = None,
    ) -> None:
        self.topic = topic
        self._with_keys = with_keys
        self._patience_s = patience_s
        self._health = Health(properties.get("bootstrap.servers", ""), patience_s)
        fixed = {name: READER_PROPERTIES[name] for name in _FIXED}
        self._properties = {**READER_PROPERTIES, "group.id": group, **properties, **fixed}
        self._compiled = c.library() is not None if compiled is None else compiled
        self._consumer = _consumer(self._properties, self._health, self._compiled)
        self._asker: Consumer | None = None
        self._waiting_errors: list[PartitionError] = []
        self._moved: set[int] = set()
        """Partitions that were assigned anew and have delivered nothing since: the client may still tell where it was before."""
        self._committed_at_s = 0.0
        self._committed: Position = {}
        try:
            self._start: Position = self._resolved(start)
            self._consumer.assign(topic, self._start)
        except BaseException:
            self._consumer.close()
            raise

    def _resolved(self, start: Mapping[int, int]) -> Position:
        logical = {partition: offset for partition, offset in start.items() if offset < 0}
        return {**start, **(self._offsets(self._asker or self._consumer, logical) if logical else {})}

    def _offsets(self, consumer: Consumer, asked: Position) -> Position:
        """Ask until the patience is over: a partition that is new or moves has no leader for a moment."""
        deadline_s = time.monotonic() + self._patience_s
        while True:
            try:
                return consumer.offsets(self.topic, asked, max(_ASK_AGAIN_S, deadline_s - time.monotonic()))
            except BusUnavailable:
                if time.monotonic() + _ASK_AGAIN_S > deadline_s:
                    raise
                time.sleep(_ASK_AGAIN_S)

    def poll(self, max_records: int, timeout_s: float) -> Batch | None:
        """The next records; see ``schemas.bus.Reader.poll``."""
        if self._waiting_errors:
            self._judge(self._waiting_errors)
        deadline_s = time.monotonic() + timeout_s if timeout_s > 0 else 0.0
        wait_s = min(timeout_s, _SLICE_S)
        while True:
            fetched = self._consumer.fetch(self.topic, max_records, wait_s, self._with_keys)
            if fetched.batch is not None:
                # What came beside the error must not be lost with it: the error is told by the next call.
                self._waiting_errors = fetched.errors
                if self._moved:
                    self._moved -= set(fetched.batch.partition.tolist())
                self._health.alive()
                return fetched.batch
            if fetched.errors:
                self._judge(fetched.errors)
            self._health.check(f"reading {self.topic}")
            wait_s = min(deadline_s - time.monotonic(), _SLICE_S) if deadline_s else 0.0
            if wait_s <= 0:
                return None

    def _judge(self, errors: Sequence[PartitionError]) -> None:
        self._waiting_errors = []
        for error in errors:
            if error.code in (c.ERR_AUTO_OFFSET_RESET, c.ERR_OFFSET_OUT_OF_RANGE):
                # librdkafka says it once; we say it until the reader has been moved.
                self._waiting_errors = [error]
                raise self._lost(error)
            if error.code == c.ERR_FATAL:
                self._health.on_error(error.code, error.text, fatal=True)
            elif error.code in c.UNKNOWN_TOPIC_ERRORS:
                raise UnknownTopic(
                    f"{self.topic} partition {error.partition}: {error.text}", hint="was the topic deleted? trademaster topics create"
                )
            elif error.code in _FORBIDDEN:
                raise BusUnavailable(
                    f"not allowed to read {self.topic}: {error.text}", hint="check the credentials and rights of this user"
                )
            elif error.code != c.ERR_PARTITION_EOF:
                self._health.on_error(error.code, error.text)

    def _lost(self, error: PartitionError) -> PositionLost:
        wanted = self.position().get(error.partition, error.offset)
        kept = ""
        try:
            asked = {error.partition: c.OFFSET_BEGINNING}
            first = self._consumer.offsets(self.topic, asked, 2.0)[error.partition]
            end = self._consumer.offsets(self.topic, {error.partition: c.OFFSET_END}, 2.0)[error.partition]
            kept = f", but the broker keeps {first} to {end}"
        except (BusUnavailable, KeyError):
            pass
        return PositionLost(
            f"expected to resume {self.topic} partition {error.partition} at offset {wanted}{kept}",
            hint="the topic's retention was shorter than the stop, or it was made anew: reset the recovery store, or replay the archive",
        )

    def position(self) -> Position:
        """The next offset of each partition; control records of transactions are behind it."""
        told = self._consumer.position(self.topic, self._start)
        return {partition: start if partition in self._moved else told.get(partition, start) for partition, start in self._start.items()}

    def seek(self, position: Mapping[int, int]) -> None:
        """Continue from these offsets; partitions not named stay where they are."""
        strangers = set(position) - set(self._start)
        if strangers:
            raise ValueError(f"partitions {sorted(strangers)} of {self.topic} are not read by this reader, which has {sorted(self._start)}")
        target = {**self.position(), **self._resolved(position)}
        # Assigned anew rather than sought: a seek is refused while a partition is still being started.
        self._consumer.assign(self.topic, target)
        self._start = target
        self._moved = set(target)
        self._waiting_errors = [error for error in self._waiting_errors if error.partition not in position]

    def end(self) -> Position:
        """The offset after the last readable record, by partition; asks the brokers."""
        if self._asker is None:
            # Over a connection of its own: a broker answers in turn, and may hold an empty fetch back for fetch.wait.max.ms.
            health = Health(self._properties.get("bootstrap.servers", ""), self._patience_s)
            self._asker = _consumer({**self._properties, "statistics.interval.ms": "0"}, health, self._compiled)
        return self._offsets(self._asker, dict.fromkeys(self._start, c.OFFSET_END))

    def known_end(self) -> Position:
        """See ``schemas.bus.Reader.known_end``."""
        return {**self.position(), **self._consumer.fetched_end(self.topic, self._start)}

    def commit(self) -> None:
        """Show our position to tools that watch consumer groups: at most once a second, without waiting, best effort."""
        now_s = time.monotonic()
        if now_s - self._committed_at_s < _COMMIT_EVERY_S:
            return
        position = self.position()
        if position != self._committed:
            self._consumer.commit(self.topic, position)
            self._committed = position
        self._committed_at_s = now_s

    def close(self) -> None:
        self._consumer.close()
        if self._asker is not None:
            self._asker.close()


def _consumer(properties: Mapping[str, str], health: Health, compiled: bool) -> Consumer:
    def on_error(code: int, text: str) -> None:
        health.on_error(code, text, fatal=code == c.ERR_FATAL)

    # Imported here: the one costs the compiler's start, the other is seldom needed.
    if compiled:
        from sources.rdkafka import CompiledConsumer

        return CompiledConsumer(properties, on_error, health.on_statistics)
    from sources.kafka_plain import PlainConsumer

    return PlainConsumer(properties, on_error, health.on_statistics)
