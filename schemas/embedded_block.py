"""How many records lie in one blob of the embedded bus: lengths first, so that a reader fills columns without a loop.

::

    int32 value lengths (n) | int32 key lengths (n) | all values | all keys          little-endian, n stands in the row
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from schemas.bus import Int32s

_INT32 = np.dtype("<i4")


class Block(NamedTuple):
    """A run of records of one partition with offsets that grow by one."""

    partition: int
    first_offset: int
    timestamp_ms: int
    value_sizes: Int32s
    key_sizes: Int32s
    values: memoryview
    keys: memoryview

    def split(self, count: int) -> tuple[Block, Block]:
        """The first ``count`` records, and the rest."""
        value_bytes = int(self.value_sizes[:count].sum(dtype=np.int64))
        key_bytes = int(self.key_sizes[:count].sum(dtype=np.int64))
        head = self._replace(
            value_sizes=self.value_sizes[:count],
            key_sizes=self.key_sizes[:count],
            values=self.values[:value_bytes],
            keys=self.keys[:key_bytes],
        )
        tail = self._replace(
            first_offset=self.first_offset + count,
            value_sizes=self.value_sizes[count:],
            key_sizes=self.key_sizes[count:],
            values=self.values[value_bytes:],
            keys=self.keys[key_bytes:],
        )
        return head, tail

    def key_list(self) -> list[bytes]:
        """The keys one by one."""
        return texts(self.keys, self.key_sizes)


def texts(whole: memoryview, sizes: Int32s) -> list[bytes]:
    """Those of these sizes, one by one."""
    data = bytes(whole)
    ends = list(accumulate(sizes.tolist()))
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def encode(keys: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """The blob of these records; both sequences are of equal length."""
    value_sizes = np.fromiter(map(len, values), _INT32, len(values))
    key_sizes = np.fromiter(map(len, keys), _INT32, len(values))
    return b"".join((value_sizes.tobytes(), key_sizes.tobytes(), *values, *keys))


def decode(partition: int, first_offset: int, count: int, timestamp_ms: int, blob: bytes | memoryview) -> Block:
    """The records of one blob; nothing is copied."""
    sizes = np.frombuffer(blob, _INT32, 2 * count)
    values_at = 8 * count
    keys_at = values_at + int(np.add.reduce(sizes[:count], dtype=np.int64))
    view = memoryview(blob)
    return Block(partition, first_offset, timestamp_ms, sizes[:count], sizes[count:], view[values_at:keys_at], view[keys_at:])
