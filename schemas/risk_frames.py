"""Marks as columns, and days: what the ticks of a shard of symbols tell the accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.events import Place
from schemas.pnl_frames import packed, unpacked
from schemas.symbols import SYMBOLS

SYMBOL_MARK = np.dtype(
    [
        ("long", np.float64),  # what a long position is worth: the bid, else the last trade, else the last bar's close; NaN: unknown
        ("short", np.float64),  # a short one: the ask, else the same
        ("last", np.float64),  # the last trade; NaN: none yet
        ("time", np.int64),  # event time of the latest of them, ns
        ("offset", np.int64),  # of the record that it came from
        ("symbol", np.int32),  # code in SYMBOLS
        ("partition", np.int32),  # of market.ticks; -1: a bar made it
    ],
    align=True,
)

_NAMED = (("symbol", SYMBOLS),)


class SymbolMarks:
    """Latest marks of some symbols. Pickles by name, so that it may cross processes.

    Attributes:
        rows: shape (n,), dtype SYMBOL_MARK, a symbol at most once; not changed once they are here.
    """

    __slots__ = ("rows",)

    def __init__(self, rows: npt.NDArray[np.void]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __reduce__(self) -> tuple[object, tuple[Any, ...]]:
        return _restore, packed(self.rows, _NAMED)


def joined_marks(parts: Sequence[SymbolMarks]) -> SymbolMarks:
    """One frame of several: of each symbol the last."""
    if len(parts) == 1:
        return parts[0]
    rows: npt.NDArray[np.void] = np.concatenate([np.ascontiguousarray(part.rows).view(np.uint8) for part in parts]).view(SYMBOL_MARK)
    return SymbolMarks(last_of_each(rows))


def last_of_each(rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Of rows of SYMBOL_MARK the last of each symbol, in their order."""
    _, latest = np.unique(rows["symbol"][::-1], return_index=True)
    return rows if len(latest) == len(rows) else rows[np.sort(len(rows) - 1 - latest)]


class DayBegan(msgspec.Struct, frozen=True, gc=False):
    """A tick or a watermark was the first of its day, whatever symbol it is of and whether or not it changed a mark."""

    time_ns: int
    place: Place


def _restore(stored: bytes, names: dict[str, list[str]]) -> SymbolMarks:
    return SymbolMarks(unpacked(stored, names, SYMBOL_MARK, _NAMED))
