"""The consumer over librdkafka's own C interface: one call fetches a batch, one compiled loop makes columns of it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from schemas import rdkafka as c
from schemas.bus import Batch, Bytes1D, Int32s, Int64s, Position
from schemas.errors import BusUnavailable, UnknownTopic
from schemas.kernels import kernel
from sources.kafka_client import Fetched, OnError, OnStatistics, PartitionError

_message_destroy = c.external("rd_kafka_message_destroy", types.void, types.int64)
_message_timestamp = c.external("rd_kafka_message_timestamp", types.int64, types.int64, types.int64)
_memcpy = c.external("memcpy", types.int64, types.int64, types.int64, types.int64)

_LARGEST_BATCH = 65_536
_AHEAD = 8
"""How many messages ahead memory is asked for: another core wrote it."""

_PARTITION, _PAYLOAD, _LEN, _KEY, _KEY_LEN, _OFFSET = 16, 24, 32, 40, 48, 56


def _loader(bits: int) -> Any:
    result = types.int64 if bits == 64 else types.int32

    def load(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            return builder.load(pointer)

        return result(types.int64), generate

    return intrinsic(load)


_load_int64 = _loader(64)
_load_int32 = _loader(32)


def _prefetcher(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer_type = ir.IntType(8).as_pointer()
        int32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer_type, int32, int32, int32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer_type], kind)
        pointer = builder.inttoptr(arguments[0], pointer_type)
        builder.call(function, [pointer, int32(0), int32(3), int32(1)])
        return context.get_dummy_value()

    return types.none(types.int64), generate


_prefetch: Any = intrinsic(_prefetcher)


@kernel
def measure(pointers: Int64s, count: int) -> tuple[int, int, int]:
    """Bytes of all values, bytes of all keys, and how many messages carry an error instead."""
    values = 0
    keys = 0
    errors = 0
    for i in range(count):
        if i + _AHEAD < count:
            _prefetch(pointers[i + _AHEAD])
            _prefetch(pointers[i + _AHEAD] + 64)
        message = pointers[i]
        if _load_int32(message) != 0:
            errors += 1
        else:
            values += _load_int64(message + _LEN)
            keys += _load_int64(message + _KEY_LEN)
    return values, keys, errors


@kernel
def drain(
    pointers: Int64s,
    count: int,
    data: Bytes1D,
    ends: Int64s,
    partition: Int32s,
    offset: Int64s,
    timestamp_ms: Int64s,
    with_keys: bool,
    key_data: Bytes1D,
    key_ends: Int64s,
) -> int:
    """Copy messages into columns and destroy them; those with an error are moved to the front of ``pointers``, alive.

    A key that is absent has the end of the key before it, negated and less one. Returns the number of errors.
    """
    base = data.ctypes.data
    key_base = key_data.ctypes.data
    end = 0
    key_end = 0
    row = 0
    errors = 0
    for i in range(count):
        message = pointers[i]
        if i + _AHEAD < count:
            _prefetch(_load_int64(pointers[i + _AHEAD] + _PAYLOAD))
        if _load_int32(message) != 0:
            pointers[errors] = message
            errors += 1
            continue
        length = _load_int64(message + _LEN)
        if length > 0:
            _memcpy(base + end, _load_int64(message + _PAYLOAD), length)
            end += length
        ends[row] = end
        partition[row] = _load_int32(message + _PARTITION)
        offset[row] = _load_int64(message + _OFFSET)
        timestamp_ms[row] = _message_timestamp(message, 0)
        if with_keys:
            key = _load_int64(message + _KEY)
            if key == 0:
                key_ends[row] = -key_end - 1
            else:
                key_length = _load_int64(message + _KEY_LEN)
                _memcpy(key_base + key_end, key, key_length)
                key_end += key_length
                key_ends[row] = key_end
        row += 1
        _message_destroy(message)
    return errors


def compile_kernels() -> None:
    """Compile what is not in the cache yet, without a broker."""
    c.require_library()
    none, data = np.empty(0, np.int64), np.empty(0, np.uint8)
    measure(none, 0)
    drain(none, 0, data, none, np.empty(0, np.int32), none, none, False, data, none)


class CompiledConsumer:
    """A ``rd_kafka_t`` of kind consumer with partitions assigned by hand. Not thread-safe.

    Args:
        properties: librdkafka's properties.
        on_error, on_statistics: called by ``fetch``, in its thread.
    """

    def __init__(self, properties: Mapping[str, str], on_error: OnError, on_statistics: OnStatistics) -> None:
        self._lib = lib = c.require_library()
        self._callbacks = (  # C keeps pointers to these: they must live as long as the client
            c.ERROR_CALLBACK(lambda _client, code, text, _opaque: on_error(code, (text or b"").decode(errors="replace"))),
            c.STATISTICS_CALLBACK(self._statistics),
        )
        self._on_statistics = on_statistics
        conf = c.new_configuration(properties)
        lib.rd_kafka_conf_set_error_cb(conf, self._callbacks[0])
        lib.rd_kafka_conf_set_stats_cb(conf, self._callbacks[1])
        lib.rd_kafka_conf_set_log_cb(conf, c.NO_LOG)
        self._client: int | None = c.new_client(c.CONSUMER, conf)
        lib.rd_kafka_poll_set_consumer(self._client)
        self._queue = lib.rd_kafka_queue_get_consumer(self._client)
        self._pointers: Int64s = np.zeros(1024, np.int64)

    def _statistics(self, _client: int, text: int, length: int, _opaque: int) -> int:
        self._on_statistics(ctypes.string_at(text, length))
        return 0  # librdkafka frees the text

    def assign(self, topic: str, position: Position) -> None:
        """Read these partitions from these offsets, and no others."""
        wanted = self._list(topic, position)
        code = self._lib.rd_kafka_assign(self._client, wanted)
        self._lib.rd_kafka_topic_partition_list_destroy(wanted)
        self._check(code, f"assign partitions of {topic}")

    def fetch(self, topic: str, max_records: int, timeout_s: float, with_keys: bool) -> Fetched:
        """What is there, at most ``max_records``; waits for a first message only."""
        room = min(max_records, _LARGEST_BATCH)
        if len(self._pointers) < room:
            self._pointers = np.zeros(room, np.int64)
        pointers = self._pointers
        at = pointers.ctypes.data
        lib = self._lib
        count = lib.rd_kafka_consume_batch_queue(self._queue, 0, at, room)
        if count == 0 and timeout_s > 0:
            # A wait with room for more would wait for more.
            count = lib.rd_kafka_consume_batch_queue(self._queue, max(1, round(timeout_s * 1000)), at, 1)
            if count == 1 and room > 1:
                count += max(0, lib.rd_kafka_consume_batch_queue(self._queue, 0, at + 8, room - 1))
        if count <= 0:
            return Fetched(None, [])
        return self._columns(topic, count, with_keys)

    def _columns(self, topic: str, count: int, with_keys: bool) -> Fetched:
        pointers = self._pointers
        value_bytes, key_bytes, errors = measure(pointers, count)
        rows = count - errors
        data = np.empty(value_bytes, np.uint8)
        ends, offset, timestamp_ms = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
        partition = np.empty(rows, np.int32)
        key_data, key_ends = np.empty(key_bytes if with_keys else 0, np.uint8), np.empty(rows if with_keys else 0, np.int64)
        drain(pointers, count, data, ends, partition, offset, timestamp_ms, with_keys, key_data, key_ends)
        failed = [self._error(int(pointers[i])) for i in range(errors)]
        if not rows:
            return Fetched(None, failed)
        keys = _cut(key_data.tobytes(), key_ends.tolist()) if with_keys else None
        return Fetched(Batch(topic, data, ends, partition, offset, timestamp_ms, keys), failed)

    def _error(self, address: int) -> PartitionError:
        message = c.Message.from_address(address)
        text = ctypes.string_at(message.payload, message.len).decode(errors="replace") if message.payload else c.error_text(message.err)
        error = PartitionError(message.err, message.partition, message.offset, text)
        self._lib.rd_kafka_message_destroy(address)
        return error

    def position(self, topic: str, partitions: Position) -> Position:
        """The next offset of each partition that has delivered something, control records counted."""
        asked = self._list(topic, partitions)
        code = self._lib.rd_kafka_position(self._client, asked)
        found = {p: o for p, o, err in self._rows(asked) if err == 0 and o >= 0}
        self._lib.rd_kafka_topic_partition_list_destroy(asked)
        self._check(code, f"tell the position in {topic}")
        return found

    def offsets(self, topic: str, partitions: Position, timeout_s: float) -> Position:
        """First (``OFFSET_BEGINNING``) or next (``OFFSET_END``) offset of each partition, asked of its leader."""
        asked = self._list(topic, partitions)
        code = self._lib.rd_kafka_offsets_for_times(self._client, asked, round(timeout_s * 1000))
        rows = self._rows(asked)
        self._lib.rd_kafka_topic_partition_list_destroy(asked)
        for _, _, err in rows:
            code = code or err
        self._check(code, f"list offsets of {topic}")
        return {p: o for p, o, _ in rows}

    def fetched_end(self, topic: str, partitions: Position) -> Position:
        """The end of each partition as the last answer to a fetch told it; partitions not fetched yet are left out."""
        low, high, found = ctypes.c_int64(), ctypes.c_int64(), {}
        for partition in partitions:
            code = self._lib.rd_kafka_get_watermark_offsets(self._client, topic.encode(), partition, ctypes.byref(low), ctypes.byref(high))
            if code == 0 and high.value >= 0:
                found[partition] = high.value
        return found

    def commit(self, topic: str, position: Position) -> None:
        """Store offsets in the consumer group, without waiting and without an error: they are for lag tools only."""
        wanted = self._list(topic, position)
        self._lib.rd_kafka_commit(self._client, wanted, 1)
        self._lib.rd_kafka_topic_partition_list_destroy(wanted)

    def close(self) -> None:
        if self._client is None:
            return
        self._lib.rd_kafka_queue_destroy(self._queue)
        # Without the flag it would leave a group in order, and wait for a broker that may be gone.
        self._lib.rd_kafka_destroy_flags(self._client, _DESTROY_NO_CONSUMER_CLOSE)
        self._client = None

    def __del__(self) -> None:
        if getattr(self, "_client", None) is not None:
            self.close()  # its threads would go on for ever

    def _list(self, topic: str, position: Position) -> Any:
        made = self._lib.rd_kafka_topic_partition_list_new(len(position))
        for partition, offset in position.items():
            self._lib.rd_kafka_topic_partition_list_add(made, topic.encode(), partition).contents.offset = offset
        return made

    @staticmethod
    def _rows(found: Any) -> list[tuple[int, int, int]]:
        elements = found.contents.elements
        return [(elements[i].partition, elements[i].offset, elements[i].err) for i in range(found.contents.count)]

    @staticmethod
    def _check(code: int, what: str) -> None:
        if code in c.UNKNOWN_TOPIC_ERRORS:
            raise UnknownTopic(f"Kafka could not {what}: {c.error_text(code)}", hint="create it: trademaster topics create")
        if code != 0:
            raise BusUnavailable(f"Kafka could not {what}: {c.error_text(code)}", hint="check that the broker runs and can be reached")


_DESTROY_NO_CONSUMER_CLOSE = 0x8


def _cut(joined: bytes, ends: list[int]) -> list[bytes | None]:
    keys: list[bytes | None] = []
    start = 0
    for end in ends:
        if end < 0:
            keys.append(None)
        else:
            keys.append(joined[start:end])
            start = end
    return keys
