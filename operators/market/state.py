"""A symbol's state: the fields of all ideas in one record, so that a tick touches few cache lines.

Per symbol: SYMBOL 176 bytes, DUE 16, a WINDOW of 80 for each window that may be open; with two intervals and no lateness 352. A symbol
with a band has a TAPE of 4 KB and a BAND of 48 for each limit besides. Rows stand in order of first arrival.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.market import bands, marks, volatility
from operators.market.bands import TAPE
from operators.market.bars import WINDOW
from operators.market.windows import DUE
from schemas.kernels import plain
from schemas.times import END_OF_TIME_NS

SYMBOL = np.dtype(
    [
        ("horizon", np.int64),  # see windows
        *marks.FIELDS,
        *volatility.FIELDS,
        *bands.FIELDS,
        ("tape", np.int32),  # row of its TAPE; -1: it has no band
        ("band", np.int32),  # its first BAND; -1: none
        ("bands", np.int16),  # how many
        ("touched", np.int8),  # in the frame at hand; 0 between frames
        ("allow_negative", np.int8),
    ],
    align=True,
)

SETTINGS = np.dtype([("lateness", np.int64), ("quiet_after", np.int64), ("decay", np.float64)])

LATE, NEGATIVE_PRICE, NUMBER = 1, 2, 3
"""Why a tick was refused."""

REJECT = np.dtype(
    [
        ("row", np.int64),  # place in the frame
        ("end", np.int64),  # late: of its first window that has closed
        ("horizon", np.int64),  # late: what was over
        ("reason", np.int32),
    ],
    align=True,
)

BARS, TOUCHED, EDGES, REJECTS, OUT, LATES, DEAD, MOVED, NEWCOMERS, SYMBOL_COUNT = range(10)
"""Places in the ledger: how far each output is filled, what was counted, how many symbols there are."""

GO, NEEDS_PARTITION, NEEDS_SYMBOL, NEEDS_ROOM = range(4)
"""Why a kernel stopped before a row: it is to be called again at that row when what it needs is there."""


class State(NamedTuple):
    """What stays: arrays with a row a symbol (capacity beyond the ledger's SYMBOL_COUNT), and what belongs to no symbol."""

    symbols: npt.NDArray[np.void]
    """Shape (capacity,), dtype SYMBOL."""
    due: npt.NDArray[np.void]
    """Shape (capacity,), dtype DUE."""
    windows: npt.NDArray[np.void]
    """Shape (capacity, slots), dtype WINDOW."""
    codes: npt.NDArray[np.int32]
    """Shape (capacity,): the symbol of each row. Never stored."""
    row_of: npt.NDArray[np.int32]
    """Shape (codes known,): the row of each symbol; -1: it has none. Never stored."""
    least_end: npt.NDArray[np.int64]
    """Shape (partitions,): no window of a symbol of the partition ends earlier."""
    tapes: npt.NDArray[np.void]
    bands: npt.NDArray[np.void]


class Room(NamedTuple):
    """Where a kernel writes: reused from frame to frame."""

    bars: npt.NDArray[np.void]
    marks: npt.NDArray[np.void]
    touched: npt.NDArray[np.int32]
    edges: npt.NDArray[np.void]
    rejects: npt.NDArray[np.void]
    newcomers: npt.NDArray[np.int32]


def blank_symbols(count: int) -> npt.NDArray[np.void]:
    """Symbols that have not been seen."""
    one = np.zeros(1, SYMBOL)
    plain(marks.reset_mark)(one[0])
    plain(volatility.reset_volatility)(one[0])
    plain(bands.reset_recent)(one[0])
    one["horizon"] = -1
    one["tape"] = -1
    one["band"] = -1
    return np.repeat(one, count)


def blank_due(count: int) -> npt.NDArray[np.void]:
    """Nothing is open."""
    due = np.zeros(count, DUE)
    due["end"] = END_OF_TIME_NS
    due["partition"] = -1
    return due


def blank_windows(count: int, slots: int) -> npt.NDArray[np.void]:
    """No window is open."""
    windows = np.zeros((count, slots), WINDOW)
    windows["start"] = -1
    return windows


def blank_tapes(count: int) -> npt.NDArray[np.void]:
    """No price has been seen."""
    tapes = np.zeros(count, TAPE)
    tapes["second"] = -1
    for name in ("last", "price", "reference"):
        tapes[name] = np.nan
    return tapes


def grown(array: npt.NDArray[np.void], blank: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """An array and what is added to it."""
    return np.concatenate([array, blank])


def taken(array: npt.NDArray[np.void], count: int) -> npt.NDArray[np.void]:
    """A copy of the first records, as bytes: NumPy copies records field by field, six times slower."""
    if not count:
        return array[:0]
    return np.frombuffer(bytearray(array.view(np.uint8)[: count * array.itemsize]), array.dtype)
