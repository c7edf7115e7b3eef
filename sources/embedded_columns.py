"""Fills the columns of a batch from what the embedded bus stores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.bus import Batch
from schemas.embedded_base import SparseBlock
from schemas.embedded_block import Block, texts


def batch_of_blocks(topic: str, blocks: Sequence[Block], with_keys: bool) -> Batch:
    """One batch of blocks, of which there is one at least, without a loop over records."""
    counts = np.array([len(block.value_sizes) for block in blocks], np.int64)
    starts = np.cumsum(counts) - counts
    first_offsets = np.array([block.first_offset for block in blocks], np.int64)
    total = int(counts.sum())
    return Batch(
        topic=topic,
        data=np.frombuffer(bytearray().join([block.values for block in blocks]), np.uint8),
        ends=np.cumsum(np.concatenate([block.value_sizes for block in blocks]), dtype=np.int64),
        partition=np.repeat(np.array([block.partition for block in blocks], np.int32), counts),
        offset=np.repeat(first_offsets - starts, counts) + np.arange(total, dtype=np.int64),
        timestamp_ms=np.repeat(np.array([block.timestamp_ms for block in blocks], np.int64), counts),
        keys=[key for block in blocks for key in block.key_list()] if with_keys else None,
    )


def batch_of_sparse(topic: str, block: SparseBlock, with_keys: bool) -> Batch:
    """One batch of what compaction left."""
    return Batch(
        topic=topic,
        data=np.frombuffer(bytearray(block.values), np.uint8),
        ends=np.cumsum(block.value_sizes, dtype=np.int64),
        partition=np.full(len(block.offsets), block.partition, np.int32),
        offset=np.array(block.offsets, np.int64),
        timestamp_ms=np.array(block.times_ms, np.int64),
        keys=texts(block.keys, block.key_sizes) if with_keys else None,
    )
