"""What is kept of the ticks of a symbol: the last quote, the buckets of volume, and its open windows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.market.windows import DUE
from operators.orderflow import quotes, volume
from schemas.times import END_OF_TIME_NS

SYMBOL = np.dtype([("horizon", np.int64), ("time", np.int64), *quotes.FIELDS, *volume.FIELDS], align=True)
"""``horizon``: what of its past is over, as the market flow has it; ``time``: of its latest tick."""

WINDOW = np.dtype(
    [
        ("start", np.int64),  # UTC ns; -1: not open
        ("quote_time", np.int64),  # of its latest quote that counts; -1: none
        ("imbalance", np.float64),
        ("microprice", np.float64),  # NaN: none
    ],
    align=True,
)

CLOSED = np.dtype(
    [
        ("end", np.int64),
        ("imbalance", np.float64),  # NaN: no quote was ever seen
        ("microprice", np.float64),  # NaN: none in this window
        ("symbol", np.int32),  # code
        ("interval", np.int32),  # place in the configured intervals
    ],
    align=True,
)
"""A window that is over."""

SETTINGS = np.dtype([("lateness", np.int64), ("quiet_after", np.int64)])

OUT, NEWCOMERS, SYMBOL_COUNT = range(3)
"""Places in the ledger: how many windows closed, how many symbols wait for a row, how many there are."""

GO, NEEDS_PARTITION, NEEDS_SYMBOL, NEEDS_ROOM = range(4)
"""Why the kernel stopped before a row."""


class State(NamedTuple):
    """Arrays with a row a symbol, and the least end of open windows of each partition."""

    symbols: npt.NDArray[np.void]
    due: npt.NDArray[np.void]
    windows: npt.NDArray[np.void]
    """Shape (capacity, slots), dtype WINDOW."""
    levels: npt.NDArray[np.float64]
    """Shape (capacity, slots, vpins): each VPIN after the window's last trade; NaN: none."""
    buckets: npt.NDArray[np.void]
    """Shape (capacity, vpins), dtype BUCKET."""
    rings: npt.NDArray[np.float64]
    """Shape (capacity, buckets of all)."""
    codes: npt.NDArray[np.int32]
    row_of: npt.NDArray[np.int32]
    """Shape (codes known,): the row of each symbol; -1: it has none. Never stored, as ``codes`` and ``least_end``."""
    least_end: npt.NDArray[np.int64]


def blank(count: int, slots: int, vpins: npt.NDArray[np.void]) -> list[npt.NDArray[np.void] | npt.NDArray[np.float64]]:
    """Symbols, due, windows, levels, buckets and rings of symbols that have not been seen."""
    symbols = np.zeros(count, SYMBOL)
    symbols["horizon"] = symbols["time"] = symbols["quote_time"] = -1
    symbols["last"] = np.nan
    due = np.zeros(count, DUE)
    due["end"], due["partition"] = END_OF_TIME_NS, -1
    windows = np.zeros((count, slots), WINDOW)
    windows["start"] = -1
    buckets = np.zeros((count, len(vpins)), volume.BUCKET)
    buckets["value"] = np.nan
    levels = np.full((count, slots, len(vpins)), np.nan)
    return [symbols, due, windows, levels, buckets, np.zeros((count, int(vpins["buckets"].sum())))]
