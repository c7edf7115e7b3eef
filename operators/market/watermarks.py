"""Watermarks: how far the time of each partition has come.

    watermark of a row = max(event times of its partition's rows so far, this one included)

Taken where the rows of a partition still stand in their order, before they are split by symbol, so that it depends on that order alone.
Heartbeats (rows of kind WATERMARK) count like ticks. A late or bad tick counts too: it was there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel
from schemas.ticks import Rows

NO_WATERMARK = -1


@kernel
def _fill(rows: Rows, marks: npt.NDArray[np.int64]) -> None:
    for at in range(rows.size):
        row = rows[at]
        watermark = max(marks[row["partition"]], row["time"])
        marks[row["partition"]] = watermark
        row["watermark"] = watermark


def fill_watermarks(rows: Rows, state: Mapping[int, int]) -> dict[int, int]:
    """Write each row's watermark; the state after: partition to watermark, all that have had a row.

    Args:
        rows: in the order of their partitions (partitions may alternate).
        state: what this returned before; empty at first.
    """
    if not len(rows):
        return dict(state)
    marks = np.full(max(int(rows["partition"].max()), *state, 0) + 1, NO_WATERMARK, np.int64)
    for partition, watermark in state.items():
        marks[partition] = watermark
    _fill(rows, marks)
    return {partition: watermark for partition, watermark in enumerate(marks.tolist()) if watermark != NO_WATERMARK}
