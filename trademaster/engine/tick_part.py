"""The way in of ticks: rows, each with the watermark of its partition, then frames by shard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from flows.flow import SHARD_KEYS
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from schemas.bus import Batch
from schemas.tick_codec import TickDecoder
from schemas.ticks import NO_SYMBOL, TICK, WATERMARK, empty_rows
from schemas.times import MAX_TIME_NS
from trademaster.engine.bus_part import REJECTED, BusPart, Item, Reading
from trademaster.engine.runtime import Runtime

TICKS = "ticks"
"""Key under which rows come out of a part."""


class TickPart(BusPart):
    """Ticks as rows, each with the watermark of its partition."""

    def __init__(self, runtime: Runtime, topic: str, partitions: Sequence[int], state: Any, reading: Reading) -> None:
        super().__init__(runtime, topic, partitions, state, reading)
        self._decoder = TickDecoder()
        self._heard_ns = time.monotonic_ns()
        self._watermarks: dict[int, int] = state["watermark"] if state else {}

    def items(self, batch: Batch) -> list[Item]:
        decoded = self._decoder.decode(batch)
        self._watermarks = fill_watermarks(decoded.rows, self._watermarks)
        self._heard_ns = time.monotonic_ns()
        ticks = int(np.count_nonzero(decoded.rows["kind"])) + len(decoded.rejects)
        self._runtime.recorder.batch(self._topic, len(batch), ticks)
        self._runtime.recorder.watermark(self._topic, self._watermarks)
        items: list[Item] = [(TICKS, decoded.rows)] if len(decoded.rows) else []
        return [*items, (REJECTED, decoded.rejects)] if decoded.rejects else items

    def idle_items(self) -> list[Item]:
        """With ``market.idle_after`` set the watermark of a silent feed goes on with the clock; a replay then differs."""
        after, silent_ns = self._reading.idle_after, time.monotonic_ns() - self._heard_ns
        if after is None or silent_ns < after.ns or not self._watermarks:
            return []
        self._heard_ns += silent_ns
        rows = empty_rows(len(self._watermarks))
        rows["kind"], rows["symbol"] = WATERMARK, NO_SYMBOL
        rows["partition"] = list(self._watermarks)
        rows["time"] = [min(watermark_ns + silent_ns, MAX_TIME_NS) for watermark_ns in self._watermarks.values()]
        self._watermarks = fill_watermarks(rows, self._watermarks)
        return [(TICKS, rows)]

    def snapshot(self) -> Any:
        return {**super().snapshot(), "watermark": dict(self._watermarks)}


def frames_by_shard(items: list[Item]) -> list[Item]:
    """The rows that parts read at once as one frame a shard, and what else there is: each frame costs every step a call."""
    runs = [item for key, item in items if key == TICKS]
    if not runs:
        return items
    rows = runs[0] if len(runs) == 1 else np.concatenate([run.view(np.uint8) for run in runs]).view(TICK)
    frames: list[Item] = [(SHARD_KEYS[shard], frame) for shard, frame in split(rows)]
    return [*frames, *(pair for pair in items if pair[0] != TICKS)]
