"""Shards: a batch of ticks split by symbol into the fixed number of keys that state lies under.

A stable counting sort by shard: one pass counts, one pass copies each record to its place in one buffer whose slices are the frames.
After its ticks every shard gets a WATERMARK row for each partition of the batch, with the partition's latest watermark and offset,
so that the windows of quiet symbols close wherever they lie.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel
from schemas.symbols import SHARDS, SYMBOLS
from schemas.ticks import NO_SEQUENCE, NO_SYMBOL, TICK, WATERMARK, Rows, TickFrame


@kernel
def _count(rows: Rows, shard_of: npt.NDArray[np.int8], last: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> int:
    """Count each shard's ticks into ``ends`` and note each partition's last row (or -1) in ``last``; how many partitions there are."""
    partitions = 0
    for at in range(rows.size):
        row = rows[at]
        if last[row["partition"]] < 0:
            partitions += 1
        last[row["partition"]] = at
        if row["kind"] != WATERMARK:
            ends[shard_of[row["symbol"]]] += 1
    return partitions


@kernel
def _copy(
    rows: Rows, shard_of: npt.NDArray[np.int8], last: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], partitions: int, out: Rows
) -> None:
    """Copy the rows to their shards; ``ends`` holds counts and becomes where each shard ends in ``out``."""
    start = 0
    for shard in range(ends.size):
        ticks = ends[shard]
        ends[shard] = start
        start += ticks + partitions
    for at in range(rows.size):
        if rows[at]["kind"] != WATERMARK:
            shard = shard_of[rows[at]["symbol"]]
            out[ends[shard]] = rows[at]
            ends[shard] += 1
    for shard in range(ends.size):
        for partition in range(last.size):
            if last[partition] >= 0:
                row = out[ends[shard]]
                said = rows[last[partition]]
                row["time"] = said["watermark"]
                row["price"] = np.nan
                row["size"] = np.nan
                row["bid"] = np.nan
                row["ask"] = np.nan
                row["bid_size"] = np.nan
                row["ask_size"] = np.nan
                row["sequence"] = NO_SEQUENCE
                row["watermark"] = said["watermark"]
                row["offset"] = said["offset"]
                row["symbol"] = NO_SYMBOL
                row["partition"] = partition
                row["index"] = said["index"]
                row["kind"] = WATERMARK
                row["side"] = 0
                ends[shard] += 1


def split(rows: Rows) -> list[tuple[int, TickFrame]]:
    """A frame for each shard, in the order of shards; none for no rows.

    Args:
        rows: with their watermarks. Ticks keep their order within a shard; WATERMARK rows are replaced as the module says.
    """
    if not len(rows):
        return []
    last = np.full(int(rows["partition"].max()) + 1, -1, np.int64)
    ends = np.zeros(SHARDS, np.int64)
    partitions = _count(rows, SYMBOLS.shard, last, ends)
    out = np.empty(int(ends.sum()) + SHARDS * partitions, TICK)
    _copy(rows, SYMBOLS.shard, last, ends, partitions, out)
    frames, start = [], 0
    for shard, end in enumerate(ends.tolist()):
        frames.append((shard, TickFrame(out[start:end])))
        start = end
    return frames
