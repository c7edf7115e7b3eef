"""The arrays of marked positions: a symbol's marks in one record, its open positions side by side in a pool.

A SYMBOL is 168 bytes, a POSITION 80. A symbol's positions are a run of the pool with room at its end; a run that is full moves to the end
of the pool with twice its room.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.market import marks
from schemas.kernels import plain

SYMBOL = np.dtype(
    [
        *marks.FIELDS,
        ("long_repeat", np.int32),  # here and below so wide and in such order that no padding is stored
        ("long", np.float64),  # what a long position is marked at: bid, else last trade, else bar close; NaN: unknown
        ("short", np.float64),  # the same with ask
        ("long_time", np.int64),  # with its repeat the name of the tick (or bar) that made it
        ("short_time", np.int64),
        ("close", np.float64),  # of the last bar
        ("close_end", np.int64),  # of that bar; -1: none
        ("first", np.int64),  # of its positions in the pool
        ("short_repeat", np.int32),
        ("count", np.int32),  # open positions
        ("room", np.int32),
        ("changed", np.int16),  # it is in the list of those whose marks changed since its positions were said
        ("allow_negative", np.int16),
    ],
    align=True,
)

POSITION = np.dtype(
    [
        ("quantity", np.float64),
        ("average", np.float64),
        ("multiplier", np.float64),
        ("realized", np.float64),  # NaN: unknown
        ("version", np.int64),
        ("since", np.int64),  # event time of that version
        ("said_time", np.int64),  # with its repeat the name of the mark that was said last
        ("said_repeat", np.int32),
        ("account", np.int32),
        ("currency", np.int32),
        ("reason", np.int32),
        ("inverse", np.int64),
    ],
    align=True,
)

GO, NEEDS_SYMBOL = range(2)
"""Why a kernel stopped."""

SYMBOL_COUNT, CHANGED, ROWS, CLOCK, CELL, POOL, TICKS = range(7)
"""Places in the ledger: symbols, those in the list of changed ones, rows made, event time of the shard, the cell of time that was last said
in, how far the pool is used."""

Records = npt.NDArray[np.void]


def blank_symbols(count: int) -> Records:
    """Symbols that have not been seen and have no positions."""
    one = np.zeros(1, SYMBOL)
    plain(marks.reset_mark)(one[0])
    for name in ("long", "short", "close"):
        one[name] = np.nan
    one["close_end"] = -1
    return np.repeat(one, count)
