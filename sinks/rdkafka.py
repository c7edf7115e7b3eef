"""The producer over librdkafka's own C interface: columns in, one compiled loop hands the records over."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np
from numba import types

from schemas import rdkafka as c
from schemas.bus import Bytes1D, Int32s, Int64s
from schemas.kernels import allocating_kernel, kernel
from sinks.kafka_client import Failure, OnError, OnStatistics

_produce_batch = c.external("rd_kafka_produce_batch", types.int32, types.int64, types.int32, types.int32, types.int64, types.int32)
_produceva = c.external("rd_kafka_produceva", types.int64, types.int64, types.int64, types.int64)
_error_code = c.external("rd_kafka_error_code", types.int32, types.int64)
_error_destroy = c.external("rd_kafka_error_destroy", types.void, types.int64)

_WORDS = 9
"""``rd_kafka_message_t`` and ``rd_kafka_vu_t`` are both nine 64-bit words."""
_ROWS = 1024
"""Messages handed over by one call: their structs stay in the cache."""
_ARGUMENTS = 6
_VTYPE_RKT, _VTYPE_PARTITION, _VTYPE_VALUE, _VTYPE_KEY, _VTYPE_MSGFLAGS, _VTYPE_TIMESTAMP = 2, 3, 4, 5, 7, 8
_FLAGS = c.MSG_F_COPY | c.MSG_F_PARTITION
_COPY = c.MSG_F_COPY
_QUEUE_FULL = c.ERR_QUEUE_FULL


@allocating_kernel
def grouped(partitions: Int32s) -> Int64s:
    """Row numbers by partition, in their order within each: neighbours in memory are then sent together."""
    lowest, highest = partitions.min(), partitions.max()
    starts = np.zeros(highest - lowest + 2, np.int64)
    for partition in partitions:
        starts[partition - lowest + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(len(partitions), np.int64)
    for row in range(len(partitions)):
        group = partitions[row] - lowest
        order[starts[group]] = row
        starts[group] += 1
    return order


@kernel
def hand_over(
    topic: int,
    first: int,
    order: Int64s,
    partitions: Int32s,
    keys: Bytes1D,
    key_ends: Int64s,
    values: Bytes1D,
    value_ends: Int64s,
    scratch: Int64s,
) -> tuple[int, int]:
    """Queue the records of ``order[first:]`` until one is refused. Returns how many were queued before it, and its error code.

    An end that is negative says that the value is absent (a tombstone): it is the end before it, negated and less one.
    """
    count = len(partitions)
    at = first
    while at < count:
        rows = min(_ROWS, count - at)
        for i in range(rows):
            record = order[at + i]
            key_start = _end(key_ends, record - 1)
            value_start = _end(value_ends, record - 1)
            row = i * _WORDS
            scratch[row] = 0
            scratch[row + 2] = np.int64(partitions[record])
            scratch[row + 3] = 0 if value_ends[record] < 0 else values.ctypes.data + value_start
            scratch[row + 4] = _end(value_ends, record) - value_start
            scratch[row + 5] = keys.ctypes.data + key_start
            scratch[row + 6] = _end(key_ends, record) - key_start
            scratch[row + 8] = 0
        good = _produce_batch(topic, -1, _FLAGS, scratch.ctypes.data, rows)
        if good < rows:
            # Stops at the first that was refused for want of room; all after it have the same answer.
            for i in range(rows):
                error = np.int32(scratch[i * _WORDS] & 0xFFFFFFFF)
                if error != 0:
                    return at + i - first, int(error)
        at += rows
    return count - first, 0


@kernel
def hand_over_dated(
    topic: int,
    first: int,
    order: Int64s,
    partitions: Int32s,
    keys: Bytes1D,
    key_ends: Int64s,
    values: Bytes1D,
    value_ends: Int64s,
    scratch: Int64s,
    client: int,
    timestamp_ms: int,
) -> tuple[int, int]:
    """As ``hand_over``, with the append time given: ``rd_kafka_produce_batch`` knows none."""
    count = len(partitions)
    scratch[: _ARGUMENTS * _WORDS] = 0
    scratch[0], scratch[1] = _VTYPE_RKT, topic
    scratch[_WORDS] = _VTYPE_PARTITION
    scratch[2 * _WORDS] = _VTYPE_VALUE
    scratch[3 * _WORDS] = _VTYPE_KEY
    scratch[4 * _WORDS], scratch[4 * _WORDS + 1] = _VTYPE_MSGFLAGS, _COPY
    scratch[5 * _WORDS], scratch[5 * _WORDS + 1] = _VTYPE_TIMESTAMP, timestamp_ms
    for at in range(first, count):
        record = order[at]
        key_start = _end(key_ends, record - 1)
        value_start = _end(value_ends, record - 1)
        scratch[_WORDS + 1] = np.int64(partitions[record])
        scratch[2 * _WORDS + 1] = 0 if value_ends[record] < 0 else values.ctypes.data + value_start
        scratch[2 * _WORDS + 2] = _end(value_ends, record) - value_start
        scratch[3 * _WORDS + 1] = keys.ctypes.data + key_start
        scratch[3 * _WORDS + 2] = _end(key_ends, record) - key_start
        refused = _produceva(client, scratch.ctypes.data, _ARGUMENTS)
        if refused != 0:
            code = _error_code(refused)
            _error_destroy(refused)
            return at - first, code
    return count - first, 0


@kernel
def _end(ends: Int64s, index: int) -> int:
    if index < 0:
        return 0
    end = ends[index]
    return int(end if end >= 0 else -end - 1)


def compile_kernels() -> None:
    """Compile what is not in the cache yet, without a broker."""
    c.require_library()
    none, partitions = np.empty(0, np.int64), np.empty(0, np.int32)
    # Columns of records are made over bytes, which nobody may write to: another type to the compiler.
    parts = np.frombuffer(b"", np.uint8)
    grouped(np.zeros(1, np.int32))
    for data in (parts, np.empty(0, np.uint8)):
        hand_over(0, 0, none, partitions, data, none, data, none, none)
        hand_over_dated(0, 0, none, partitions, data, none, data, none, np.zeros(_ARGUMENTS * _WORDS, np.int64), 0, 0)


class CompiledProducer:
    """A ``rd_kafka_t`` of kind producer. Only failed deliveries come back: a message that is gone without one is acknowledged."""

    def __init__(self, properties: Mapping[str, str], on_error: OnError, on_statistics: OnStatistics) -> None:
        self._lib = lib = c.require_library()
        self._on_error, self._on_statistics = on_error, on_statistics
        conf = c.new_configuration({**properties, "delivery.report.only.error": "true"})
        lib.rd_kafka_conf_set_events(conf, c.EVENT_DELIVERY_REPORT | c.EVENT_ERROR | c.EVENT_STATISTICS)
        lib.rd_kafka_conf_set_log_cb(conf, c.NO_LOG)
        self._client: int | None = c.new_client(c.PRODUCER, conf)
        self._queue = lib.rd_kafka_queue_get_main(self._client)
        self._topics: dict[str, int] = {}
        self._scratch: Int64s = np.zeros(_ROWS * _WORDS, np.int64)

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
        """Queue the records that ``order`` names from its ``first`` on; how many were taken, and the error that stopped it."""
        handle = self._handle(topic)
        if timestamp_ms < 0:
            taken, code = hand_over(handle, first, order, partitions, keys, key_ends, values, value_ends, self._scratch)
        else:
            client = int(self._client or 0)
            taken, code = hand_over_dated(
                handle, first, order, partitions, keys, key_ends, values, value_ends, self._scratch, client, timestamp_ms
            )
        return int(taken), int(code)

    def _handle(self, topic: str) -> int:
        handle = self._topics.get(topic)
        if handle is None:
            handle = self._topics[topic] = int(self._lib.rd_kafka_topic_new(self._client, topic.encode(), None))
        return handle

    def partition_count(self, topic: str, timeout_s: float) -> tuple[int, int]:
        """Partitions of a topic, asked of the cluster, and an error code (0: none)."""
        found = ctypes.POINTER(c.Metadata)()
        code = self._lib.rd_kafka_metadata(self._client, 0, self._handle(topic), ctypes.byref(found), round(timeout_s * 1000))
        if code != 0:
            return 0, int(code)
        count = [(found.contents.topics[i].partition_count, found.contents.topics[i].err) for i in range(found.contents.topic_count)]
        self._lib.rd_kafka_metadata_destroy(found)
        return count[0] if count else (0, c.ERR_UNKNOWN_TOPIC_OR_PARTITION)

    def order(self, partitions: Int32s) -> Int64s:
        """In which order to queue rows: by partition."""
        return grouped(partitions)

    def serve(self, timeout_s: float) -> list[Failure]:
        """Deliveries that failed; waits at most ``timeout_s`` for something to happen."""
        failures: list[Failure] = []
        lib = self._lib
        wait_ms = round(timeout_s * 1000)
        while event := lib.rd_kafka_queue_poll(self._queue, wait_ms):
            wait_ms = 0
            kind = lib.rd_kafka_event_type(event)
            if kind == c.EVENT_DELIVERY_REPORT:
                while message := lib.rd_kafka_event_message_next(event):
                    found = message.contents
                    if found.err != 0:
                        topic = (lib.rd_kafka_topic_name(found.rkt) or b"").decode()
                        failures.append(Failure(found.err, topic, found.partition, c.error_text(found.err)))
            elif kind == c.EVENT_ERROR:
                code = lib.rd_kafka_event_error(event)
                text = (lib.rd_kafka_event_error_string(event) or b"").decode(errors="replace")
                self._on_error(code, text + self._fatal() if code == c.ERR_FATAL else text)
            elif kind == c.EVENT_STATISTICS:
                self._on_statistics(lib.rd_kafka_event_stats(event) or b"{}")
            lib.rd_kafka_event_destroy(event)
        return failures

    def _fatal(self) -> str:
        reason = ctypes.create_string_buffer(512)
        code = self._lib.rd_kafka_fatal_error(self._client, reason, len(reason))
        return f": {c.error_text(code)}: {reason.value.decode(errors='replace')}"

    def wait(self, timeout_s: float) -> None:
        """Send without lingering, and return when all is acknowledged or failed, or the time is over."""
        self._lib.rd_kafka_flush(self._client, max(0, round(timeout_s * 1000)))

    def pending(self) -> int:
        """Records and reports that are still inside."""
        return int(self._lib.rd_kafka_outq_len(self._client))

    def close(self) -> None:
        """Let go of the client; what is still queued is dropped (``flush`` first)."""
        if self._client is None:
            return
        self._lib.rd_kafka_purge(self._client, _PURGE_QUEUE | _PURGE_INFLIGHT | _PURGE_NON_BLOCKING)
        for handle in self._topics.values():
            self._lib.rd_kafka_topic_destroy(handle)
        self._lib.rd_kafka_queue_destroy(self._queue)
        self._lib.rd_kafka_destroy(self._client)
        self._client = None

    def __del__(self) -> None:
        if getattr(self, "_client", None) is not None:
            self.close()  # its threads would go on for ever


_PURGE_QUEUE, _PURGE_INFLIGHT, _PURGE_NON_BLOCKING = 0x1, 0x2, 0x4
