"""The arrays of what is watched: a symbol with its marks in one record, positions with their extremes, and a watch for each limit on them.

A SYMBOL is 312 bytes, a POSITION 24, a WATCH 88. A symbol's positions and its watches are two lists, linked by ``before`` and ``next``. So
that a tick need not walk them, a symbol keeps the bounds within which its prices, its variance and the clock change nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.market import marks, volatility
from operators.portfolio import mark_state
from schemas.kernels import plain
from schemas.times import END_OF_TIME_NS

_FIELDS: list[tuple[str, type]] = [
    *marks.FIELDS,
    ("long_repeat", np.int32),  # here and to ``close_end`` as choose_marks knows them
    *volatility.FIELDS,
    ("short_repeat", np.int32),
    ("long", np.float64),
    ("short", np.float64),
    ("long_time", np.int64),
    ("short_time", np.int64),
    ("close", np.float64),
    ("close_end", np.int64),
    ("moved_time", np.int64),  # when one of the marks or the last trade changed; -1: never
    ("moved_offset", np.int64),  # the record that did it
    ("highest", np.float64),  # price for longs since ``settle``; -inf: none since
    ("lowest", np.float64),  # price for shorts since then; inf: none since
    ("long_low", np.float64),  # below it, or above the next, a long position's watch is to be judged
    ("long_high", np.float64),
    ("short_low", np.float64),
    ("short_high", np.float64),
    ("long_trail", np.float64),  # least fraction of trailing stops whose extreme is ``highest``; inf: there are none
    ("short_trail", np.float64),
    ("variance_low", np.float64),
    ("variance_high", np.float64),
    ("due", np.int64),  # a clock beyond it makes a watch of silence due
    ("partition", np.int32),  # of its latest tick; -1: none yet
    ("moved_partition", np.int32),  # of market.ticks; -1: a bar did it
    ("position", np.int32),  # its first POSITION; -1: none
    ("watch", np.int32),  # its first WATCH; -1: none
    ("count", np.int32),  # open positions
    ("watches", np.int32),
    ("silent", np.int32),  # watches of silence that are breached: the next tick may clear them
    ("changed", np.int16),  # it is in the list of those whose marks are to be said; 0 between inputs
    ("allow_negative", np.int16),
]

SYMBOL = np.dtype(sorted(_FIELDS, key=lambda field: -np.dtype(field[1]).itemsize), align=True)
"""Wide fields first, and none of padding, which would be stored too."""

POSITION = np.dtype(
    [
        ("extreme", np.float64),  # of its price since it was opened, without what the symbol keeps since ``settle``
        ("sign", np.int32),  # 1 long, -1 short
        ("before", np.int32),  # in its symbol's list; -1: it is the first
        ("next", np.int32),  # -1: it is the last
        ("spare", np.int32),
    ],
    align=True,
)

STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, STALE, VOLATILITY = range(5)
"""Kinds of watch; up to TRAILING_STOP they fire once for a position."""

WATCH = np.dtype(
    [
        ("threshold", np.float64),  # a price, or a fraction
        ("clear", np.float64),  # of VOLATILITY
        ("window", np.int64),  # of STALE, ns
        ("base", np.int64),  # of STALE, while its symbol has had no tick: since when one is missed; -1: since the clock is known
        ("episode", np.int64),  # breaches so far
        ("said", np.int64),  # rank that was published before a crash, see watch_rules; not of stops
        ("said_time", np.int64),  # event time of that
        ("version", np.int64),  # of the position when a stop fired last; -1: never
        ("position", np.int32),  # -1: it is of the symbol, whoever holds it
        ("before", np.int32),
        ("next", np.int32),
        ("kind", np.int32),
        ("breached", np.int32),  # of a stop: it has fired
        ("spare", np.int32),
    ],
    align=True,
)

EDGE = np.dtype(
    [
        ("value", np.float64),
        ("time", np.int64),
        ("offset", np.int64),  # of the tick that it comes from
        ("episode", np.int64),
        ("place", np.int64),  # offset of the row that told
        ("index", np.int32),
        ("partition", np.int32),
        ("watch", np.int32),
        ("breach", np.int32),
    ],
    align=True,
)
"""A watch that was passed: 1 into a breach, 0 out of it."""

GO, NEEDS_SYMBOL, NEEDS_PARTITION, NEEDS_ROOM, NEEDS_SPLIT = range(5)
"""Why a kernel stopped before a row: it is to be called again at that row when what it needs is there."""

SYMBOL_COUNT, CHANGED, EDGES, NEXT_SPLIT = mark_state.SYMBOL_COUNT, mark_state.CHANGED, 2, 3
"""Places in the ledger: symbols, those whose marks are to be said, edges made, when the next split takes effect."""

Records = npt.NDArray[np.void]
Ledger = npt.NDArray[np.int64]


def blank_symbols(count: int) -> Records:
    """Symbols that have not been seen, in which nobody holds anything."""
    one = np.zeros(1, SYMBOL)
    symbol = one[0]
    plain(marks.reset_mark)(symbol)
    plain(volatility.reset_volatility)(symbol)
    for name in ("long", "short", "close"):
        symbol[name] = np.nan
    for name in ("close_end", "moved_time", "moved_offset", "partition", "moved_partition", "position", "watch", "variance_low"):
        symbol[name] = -1
    for name in ("highest", "long_low", "short_low"):
        symbol[name] = -np.inf
    for name in ("lowest", "long_high", "short_high", "long_trail", "short_trail", "variance_high"):
        symbol[name] = np.inf
    symbol["due"] = END_OF_TIME_NS
    return np.repeat(one, count)
