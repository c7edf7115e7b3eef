"""What a batch of ticks means, by msgspec and the checks alone: what the compiled scanner is held against."""

from __future__ import annotations

import numpy as np

from schemas.errors import RejectedRecord
from schemas.tick_checks import read_record
from schemas.ticks import TICK, Rows


def careful(values: list[bytes], partitions: int = 1) -> tuple[Rows, list[tuple[int, int, str, str, bytes]]]:
    """Rows and rejects (offset, index, reason, detail, payload) of these records, as ``tick_batches.batch_of`` numbers them."""
    rows, rejects = [], []
    for record, raw in enumerate(values):
        for index, found, payload in read_record(raw):
            if isinstance(found, RejectedRecord):
                rejects.append((1000 + record, index, str(found.reason), str(found), payload))
            else:
                row = np.array([found], TICK)
                row["offset"], row["partition"], row["index"] = 1000 + record, record % partitions, index
                rows.append(row)
    return (np.concatenate(rows) if rows else np.zeros(0, TICK)), rejects


def same(first: Rows, second: Rows) -> bool:
    """Equal bit for bit, but for which NaN it is that says absent."""
    return len(first) == len(second) and all(_bits(first[name]) == _bits(second[name]) for name in TICK.names or ())


def _bits(column: np.ndarray) -> bytes:
    return (np.where(np.isnan(column), np.nan, column) if column.dtype.kind == "f" else column).tobytes()
