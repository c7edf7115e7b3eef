"""Which partition a key belongs to: the same answer as Kafka's own default partitioner, on every bus."""

from __future__ import annotations

from functools import lru_cache

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


def murmur2(key: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed, unsigned (``org.apache.kafka.common.utils.Utils.murmur2``)."""
    length = len(key)
    state = (_SEED ^ length) & _MASK
    whole = length - length % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _M & _MASK
        word = (word ^ word >> 24) * _M & _MASK
        state = (state * _M & _MASK) ^ word
    tail = key[whole:]
    if tail:
        state = (state ^ int.from_bytes(tail, "little")) * _M & _MASK
    state = (state ^ state >> 13) * _M & _MASK
    return state ^ state >> 15


@lru_cache(maxsize=1 << 17)
def key_hash(key: bytes) -> int:
    """What Kafka takes the partition from: 31 bits, never negative. Kept, for the same keys come again and again."""
    return murmur2(key) & 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to ``partitions`` - 1, of a record with this partition key (Kafka: ``toPositive(murmur2) % n``)."""
    return key_hash(key) % partitions
