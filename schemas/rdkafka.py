"""librdkafka as its own header declares it: the library, the structs and the few functions that readers and writers call.

confluent-kafka makes a Python object of every message. Its wheel bundles librdkafka with all public symbols, so that a
compiled kernel can walk a batch without Python. What is here is C's own contract (struct layouts of ``rdkafka.h``, stable
within major version 2), and the settings that both sides share; nothing here opens a connection before it is asked to.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import BusUnavailable, SettingsError

MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Key and value of the largest record that is taken; topics are created with room for it."""

PARTITION_UNASSIGNED = -1
OFFSET_BEGINNING = -2
OFFSET_END = -1
OFFSET_INVALID = -1001

PRODUCER = 0
CONSUMER = 1

ERR_ALL_BROKERS_DOWN = -187
ERR_AUTO_OFFSET_RESET = -140
ERR_FATAL = -150
ERR_PARTITION_EOF = -191
ERR_QUEUE_FULL = -184
ERR_TIMED_OUT = -185
ERR_UNKNOWN_PARTITION = -190
ERR_UNKNOWN_TOPIC = -188
ERR_OFFSET_OUT_OF_RANGE = 1
ERR_UNKNOWN_TOPIC_OR_PARTITION = 3
ERR_MSG_SIZE_TOO_LARGE = 10

UNKNOWN_TOPIC_ERRORS = (ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC, ERR_UNKNOWN_PARTITION)

MSG_F_COPY = 0x2
MSG_F_PARTITION = 0x8

EVENT_DELIVERY_REPORT = 0x1
EVENT_ERROR = 0x8
EVENT_STATISTICS = 0x40

MESSAGE_DTYPE = np.dtype(
    {
        "names": ["err", "rkt", "partition", "payload", "len", "key", "key_len", "offset", "private"],
        "formats": [np.int32, np.uintp, np.int32, np.uintp, np.uintp, np.uintp, np.uintp, np.int64, np.uintp],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56, 64],
        "itemsize": 72,
    }
)
"""``rd_kafka_message_t`` on 64-bit platforms."""


class TopicPartition(ctypes.Structure):
    """``rd_kafka_topic_partition_t``."""

    _fields_ = (
        ("topic", ctypes.c_char_p),
        ("partition", ctypes.c_int32),
        ("offset", ctypes.c_int64),
        ("metadata", ctypes.c_void_p),
        ("metadata_size", ctypes.c_size_t),
        ("opaque", ctypes.c_void_p),
        ("err", ctypes.c_int),
        ("_private", ctypes.c_void_p),
    )


class TopicPartitionList(ctypes.Structure):
    """``rd_kafka_topic_partition_list_t``."""

    _fields_ = (("count", ctypes.c_int), ("size", ctypes.c_int), ("elements", ctypes.POINTER(TopicPartition)))


class Message(ctypes.Structure):
    """``rd_kafka_message_t``, for the few that carry an error."""

    _fields_ = (
        ("err", ctypes.c_int),
        ("rkt", ctypes.c_void_p),
        ("partition", ctypes.c_int32),
        ("payload", ctypes.c_void_p),
        ("len", ctypes.c_size_t),
        ("key", ctypes.c_void_p),
        ("key_len", ctypes.c_size_t),
        ("offset", ctypes.c_int64),
        ("private", ctypes.c_void_p),
    )


class MetadataTopic(ctypes.Structure):
    """``rd_kafka_metadata_topic_t``."""

    _fields_ = (("topic", ctypes.c_char_p), ("partition_count", ctypes.c_int), ("partitions", ctypes.c_void_p), ("err", ctypes.c_int))


class Metadata(ctypes.Structure):
    """``rd_kafka_metadata_t``, as far as it is read."""

    _fields_ = (
        ("broker_count", ctypes.c_int),
        ("brokers", ctypes.c_void_p),
        ("topic_count", ctypes.c_int),
        ("topics", ctypes.POINTER(MetadataTopic)),
    )


ERROR_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
STATISTICS_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
LOG_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)
NO_LOG = LOG_CALLBACK()
"""No log: librdkafka's threads would call into Python for each line; errors come as events. NULL, so nothing to be kept alive."""

_P = ctypes.c_void_p
_S = ctypes.c_char_p
_INT = ctypes.c_int
_SIZE = ctypes.c_size_t
_I32 = ctypes.c_int32
_LIST = ctypes.POINTER(TopicPartitionList)

_PROTOTYPES: dict[str, tuple[object, ...]] = {
    # name: (result, arguments...)
    "rd_kafka_version_str": (_S,),
    "rd_kafka_err2str": (_S, _INT),
    "rd_kafka_err2name": (_S, _INT),
    "rd_kafka_conf_new": (_P,),
    "rd_kafka_conf_set": (_INT, _P, _S, _S, _P, _SIZE),
    "rd_kafka_conf_destroy": (None, _P),
    "rd_kafka_conf_set_events": (None, _P, _INT),
    "rd_kafka_conf_set_error_cb": (None, _P, ERROR_CALLBACK),
    "rd_kafka_conf_set_stats_cb": (None, _P, STATISTICS_CALLBACK),
    "rd_kafka_conf_set_log_cb": (None, _P, LOG_CALLBACK),
    "rd_kafka_new": (_P, _INT, _P, _P, _SIZE),
    "rd_kafka_destroy": (None, _P),
    "rd_kafka_destroy_flags": (None, _P, _INT),
    "rd_kafka_poll_set_consumer": (_INT, _P),
    "rd_kafka_queue_get_consumer": (_P, _P),
    "rd_kafka_queue_get_main": (_P, _P),
    "rd_kafka_queue_destroy": (None, _P),
    "rd_kafka_queue_poll": (_P, _P, _INT),
    "rd_kafka_consume_batch_queue": (ctypes.c_ssize_t, _P, _INT, _P, _SIZE),
    "rd_kafka_message_destroy": (None, _P),
    "rd_kafka_message_timestamp": (ctypes.c_int64, _P, _P),
    "rd_kafka_get_watermark_offsets": (
        ctypes.c_int,
        _P,
        ctypes.c_char_p,
        ctypes.c_int32,
        ctypes.POINTER(ctypes.c_int64),
        ctypes.POINTER(ctypes.c_int64),
    ),
    "rd_kafka_topic_partition_list_new": (_LIST, _INT),
    "rd_kafka_topic_partition_list_add": (ctypes.POINTER(TopicPartition), _LIST, _S, _I32),
    "rd_kafka_topic_partition_list_destroy": (None, _LIST),
    "rd_kafka_assign": (_INT, _P, _LIST),
    "rd_kafka_position": (_INT, _P, _LIST),
    "rd_kafka_commit": (_INT, _P, _LIST, _INT),
    "rd_kafka_offsets_for_times": (_INT, _P, _LIST, _INT),
    "rd_kafka_topic_new": (_P, _P, _S, _P),
    "rd_kafka_topic_destroy": (None, _P),
    "rd_kafka_metadata": (_INT, _P, _INT, _P, ctypes.POINTER(ctypes.POINTER(Metadata)), _INT),
    "rd_kafka_metadata_destroy": (None, ctypes.POINTER(Metadata)),
    "rd_kafka_topic_name": (_S, _P),
    "rd_kafka_produce_batch": (_INT, _P, _I32, _INT, _P, _INT),
    "rd_kafka_produceva": (_P, _P, _P, _SIZE),
    "rd_kafka_error_code": (_INT, _P),
    "rd_kafka_error_destroy": (None, _P),
    "rd_kafka_fatal_error": (_INT, _P, _P, _SIZE),
    "rd_kafka_flush": (_INT, _P, _INT),
    "rd_kafka_purge": (_INT, _P, _INT),
    "rd_kafka_outq_len": (_INT, _P),
    "rd_kafka_event_type": (_INT, _P),
    "rd_kafka_event_error": (_INT, _P),
    "rd_kafka_event_error_string": (_S, _P),
    "rd_kafka_event_stats": (_S, _P),
    "rd_kafka_event_message_next": (ctypes.POINTER(Message), _P),
    "rd_kafka_event_destroy": (None, _P),
}

KERNEL_SYMBOLS = (
    "rd_kafka_message_destroy",
    "rd_kafka_message_timestamp",
    "rd_kafka_produce_batch",
    "rd_kafka_produceva",
    "rd_kafka_error_code",
    "rd_kafka_error_destroy",
)
"""Functions that compiled kernels call by name."""


def library_path() -> Path | None:
    """Where confluent-kafka's wheel has its librdkafka; None if it was built against one of the system."""
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(next(iter(spec.submodule_search_locations)))
    for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
        for found in sorted(folder.glob("librdkafka*")):
            return found
    return None


@functools.cache
def library() -> ctypes.CDLL | None:
    """The loaded library with its prototypes, its functions known to the compiler of kernels; None if there is none to load.

    One copy serves confluent-kafka and us: the loader knows a file that it has loaded.
    """
    import llvmlite.binding as llvm  # type: ignore[import-untyped]  # here, for it is slow to load

    path = library_path()
    if path is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, *arguments) in _PROTOTYPES.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = arguments
    except (OSError, AttributeError):
        return None
    if not (loaded.rd_kafka_version_str() or b"").startswith(b"2."):
        return None  # another major version may lay its structs out in another way
    for name in KERNEL_SYMBOLS:
        # By name and not by address, so that compiled code can be cached and used by the next process.
        llvm.add_symbol(name, ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value)
    return loaded


def external(name: str, result: Any, *arguments: Any) -> Any:
    """A C function, for kernels to call by its name; ``library`` must have been called before they run."""
    from numba import types  # here, for it is slow to load

    return types.ExternalFunction(name, result(*arguments))


def require_library() -> ctypes.CDLL:
    """The library, or an error that says what to use instead."""
    found = library()
    if found is None:
        raise BusUnavailable(
            "expected the librdkafka 2 that the wheel of confluent-kafka bundles, found none that can be loaded",
            hint="install confluent-kafka as a wheel, or open the bus with ?trademaster.binding=plain",
        )
    return found


def error_text(code: int) -> str:
    """librdkafka's own words for an error code."""
    lib = require_library()
    return f"{(lib.rd_kafka_err2str(code) or b'').decode()} ({(lib.rd_kafka_err2name(code) or b'').decode()})"


def new_configuration(properties: Mapping[str, str]) -> int:
    """A ``rd_kafka_conf_t*`` with these properties; it belongs to ``rd_kafka_new`` once that has succeeded.

    Raises:
        SettingsError: librdkafka does not know a property or refuses its value.
    """
    lib = require_library()
    conf = lib.rd_kafka_conf_new()
    reason = ctypes.create_string_buffer(512)
    for name, value in properties.items():
        if lib.rd_kafka_conf_set(conf, name.encode(), value.encode(), reason, len(reason)) != 0:
            lib.rd_kafka_conf_destroy(conf)
            raise SettingsError(
                f"Kafka property {name!r} was refused: {reason.value.decode()}",
                hint="properties are those of librdkafka's CONFIGURATION.md; check the query of the bus URL",
            )
    return int(conf)


def new_client(kind: int, conf: int) -> int:
    """A ``rd_kafka_t*``; connects in the background.

    Raises:
        SettingsError: properties contradict one another.
    """
    lib = require_library()
    reason = ctypes.create_string_buffer(512)
    handle = lib.rd_kafka_new(kind, conf, reason, len(reason))
    if not handle:
        lib.rd_kafka_conf_destroy(conf)
        raise SettingsError(f"Kafka client refused its properties: {reason.value.decode()}", hint="check the query of the bus URL")
    return int(handle)
