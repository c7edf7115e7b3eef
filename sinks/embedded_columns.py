"""Blobs of the embedded bus (``schemas/embedded_block.py``) from columns, all partitions in one compiled pass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from schemas.bus import Bytes1D, Int32s, Int64s, RecordColumns
from schemas.json_bytes import address_of, copy_bytes, put_half
from schemas.kernels import kernel

_WRITTEN, _VALUES, _KEYS, _START = range(4)


@kernel
def _fill(
    partitions: Int32s,
    keys_: Bytes1D,
    key_ends: Int64s,
    values_: Bytes1D,
    value_ends: Int64s,
    places: npt.NDArray[np.int64],
    counts: Int64s,
    out_: Bytes1D,
) -> None:
    """Lay the records of each partition out in their order, one partition after another. Counts and places come as zeros.

    Of a partition ``places`` has the records written so far, where the next value and the next key go, and where its blob starts.
    """
    keys, values, out = address_of(keys_), address_of(values_), address_of(out_)
    start = 0
    for row in range(len(partitions)):
        partition = partitions[row]
        counts[partition] += 1
        places[partition, _VALUES] += value_ends[row] - start
        start = value_ends[row]
    start = 0
    for row in range(len(partitions)):
        places[partitions[row], _KEYS] += key_ends[row] - start
        start = key_ends[row]
    at = 0
    for partition in range(len(counts)):
        sizes, value_bytes, key_bytes = 8 * counts[partition], places[partition, _VALUES], places[partition, _KEYS]
        places[partition, _START] = at
        places[partition, _VALUES] = at + sizes
        places[partition, _KEYS] = at + sizes + value_bytes
        at += sizes + value_bytes + key_bytes
    key_start, value_start = 0, 0
    for row in range(len(partitions)):
        partition = partitions[row]
        key_size, value_size = key_ends[row] - key_start, value_ends[row] - value_start
        sizes = places[partition, _START] + 4 * places[partition, _WRITTEN]
        put_half(out, sizes, value_size)
        put_half(out, sizes + 4 * counts[partition], key_size)
        copy_bytes(out, places[partition, _VALUES], values, value_start, value_size)
        copy_bytes(out, places[partition, _KEYS], keys, key_start, key_size)
        places[partition, _WRITTEN] += 1
        places[partition, _VALUES] += value_size
        places[partition, _KEYS] += key_size
        key_start += key_size
        value_start += value_size


def blobs(records: RecordColumns, partitions: int) -> Iterator[tuple[int, int, memoryview]]:
    """Of each partition that has records its number, their count and their blob.

    Args:
        partitions: of the topic; the records' lie below.
    """
    keys, values = records.keys, records.values
    places = np.zeros((partitions, 4), np.int64)
    counts = np.zeros(partitions, np.int64)
    out = np.empty(8 * len(records) + len(values.data) + len(keys.data), np.uint8)
    _fill(records.partitions, keys.data, keys.ends, values.data, values.ends, places, counts, out)
    whole = out.data
    # The last key of each ends its blob.
    for partition, (count, start, end) in enumerate(
        zip(counts.tolist(), places[:, _START].tolist(), places[:, _KEYS].tolist(), strict=True)
    ):
        if count:
            yield partition, count, whole[start:end]


def compile_kernels() -> None:
    """Compile what is not in the cache yet."""
    none = np.empty(0, np.int64)
    data = np.empty(0, np.uint8)
    _fill(np.empty(0, np.int32), data, none, data, none, np.zeros((1, 4), np.int64), np.zeros(1, np.int64), data)
