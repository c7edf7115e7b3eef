"""Marks of the market flow as accounts need them: what a long and a short position is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.market_frames import MARK, Marks
from schemas.risk_frames import SYMBOL_MARK, SymbolMarks, last_of_each

_NO_PARTITION = -1


def symbol_marks(parts: Sequence[Marks]) -> SymbolMarks:
    """The last mark of each symbol, in the order of the parts."""
    marks = parts[0] if len(parts) == 1 else np.concatenate([np.ascontiguousarray(part).view(np.uint8) for part in parts]).view(MARK)
    rows = np.empty(len(marks), SYMBOL_MARK)
    last = marks["price"]
    for side, quoted in (("long", "bid"), ("short", "ask")):
        rows[side] = np.where(np.isnan(marks[quoted]), last, marks[quoted])
    rows["last"], rows["partition"] = last, _NO_PARTITION
    for name in ("time", "offset", "symbol"):
        rows[name] = marks[name]
    return SymbolMarks(last_of_each(rows))
