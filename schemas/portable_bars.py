"""Bars that go to another process: by the names of their symbols and intervals, for codes are of one process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.intervals import NO_INTERVAL, interval_text, wire_interval
from schemas.market_frames import BAR, Bars
from schemas.symbols import SYMBOLS


class PortableBars(np.ndarray[tuple[int, ...], np.dtype[np.void]]):
    """Rows of dtype BAR; an array as any other until it is pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        rows = np.array(self)
        codes, places = np.unique(rows["symbol"], return_inverse=True)
        rows["symbol"] = places
        wire = np.unique(rows["interval"][rows["interval"] < NO_INTERVAL])
        intervals = [(int(code), interval_text(int(code), ())) for code in wire]
        return _restored, (rows.tobytes(), [SYMBOLS.names[code] for code in codes], intervals)


def portable(bars: Bars) -> Bars:
    """The same rows, not copied."""
    return bars.view(PortableBars)


def _restored(raw: bytes, symbols: Sequence[str], intervals: Sequence[tuple[int, str]]) -> Bars:
    rows = np.frombuffer(raw, BAR).copy()
    rows["symbol"] = np.array([SYMBOLS.code(name) for name in symbols], np.int32)[rows["symbol"]]
    before = rows["interval"].copy()
    for code, text in intervals:
        rows["interval"][before == code] = wire_interval(text)
    return portable(rows)
