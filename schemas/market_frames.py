"""Bars and marks as columns: what the market flow makes, before it is written and for flows in the same process."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BAR = np.dtype(
    [
        ("start", np.int64),  # UTC ns, inclusive
        ("end", np.int64),  # UTC ns, exclusive
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("volume", np.float64),
        ("notional", np.float64),  # sum of price * size
        ("trade_count", np.int64),  # 0: made of mid prices
        ("offset", np.int64),  # of the row that closed it
        ("symbol", np.int32),  # code
        ("interval", np.int32),  # place in the configured intervals; below 0: from the wire (schemas/intervals.py)
    ],
    align=True,
)

MARK = np.dtype(
    [
        ("time", np.int64),  # event time of the symbol's latest tick, UTC ns
        ("price", np.float64),  # last trade; NaN: none yet, as all numbers below
        ("size", np.float64),
        ("bid", np.float64),
        ("ask", np.float64),
        ("day_volume", np.float64),
        ("ewma_variance", np.float64),
        ("realized_variance", np.float64),
        ("sequence", np.int64),  # -1: none
        ("repeat", np.int64),  # how many ticks before this one had the same (or an older) time: makes the id unique
        ("offset", np.int64),  # of the row that made it
        ("symbol", np.int32),  # code
    ],
    align=True,
)

Bars = npt.NDArray[np.void]
"""Shape (n,), dtype BAR, in the order of closing."""

Marks = npt.NDArray[np.void]
"""Shape (n,), dtype MARK: at most one row a symbol."""
