"""The last returns of every symbol, aligned by the ends of bars.

A window of time is named by its end. The windows kept are the latest ends that any symbol had a bar of. Of each symbol the close stands in
the window of its bar and is carried forward through those in which it has none (a return of 0), also while its bar is still on its way:
whenever that comes, the result is what it would have been in order. So nothing depends on how bars of different symbols are mixed.

Unequal history: before its first close a symbol has no close to carry, and no return until the window after: NaN. ``portfolio.py`` lets an
account's series begin where all that it holds have returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.risk.statistics.series import Floats
from schemas.intervals import interval_text
from schemas.market_frames import Bars
from schemas.symbols import SYMBOLS

VERSION = 1

DEFAULT_SIZE = 252

MAX_SIZE = 500

MAX_SYMBOLS = 16_384
"""Of one operator: 33 MB at 252 returns. The bars of one more are left out and counted."""

_SLACK = 64
"""Spare columns: all are moved back once in so many windows."""

_NEVER = np.iinfo(np.int64).min


class ReturnWindows:
    """Bars in; for any symbols their last ``size`` simple returns from close to close out, as one array.

    Only bars of one interval count. A bar that is not newer than the last of its symbol is late or a repeat and changes nothing, nor does
    one whose close is not finite. A close that is not above 0 makes the returns to and from it NaN: no fraction says what was lost.

    Args:
        interval: the one that counts, as written in the settings.
        intervals: the configured ones, in whose order bars of ours have their codes.
        size: returns that are kept, 2 to MAX_SIZE.
        max_symbols: symbols that are kept; the first to come.

    Attributes:
        left_out: bars of symbols beyond ``max_symbols``.
        version: grows with every bar that changed something; with it a result may be kept until it is stale. Starts anew when restored.
    """

    def __init__(self, interval: str, intervals: Sequence[str], size: int = DEFAULT_SIZE, max_symbols: int = MAX_SYMBOLS) -> None:
        if not 2 <= size <= MAX_SIZE:
            raise ValueError(f"expected 2 to {MAX_SIZE} returns, found {size}")
        self._interval, self._intervals = interval, tuple(intervals)
        self._size, self._max_symbols = size, max_symbols
        self._codes: dict[int, bool] = {}  # of intervals: whether it is ours
        self._ends: npt.NDArray[np.int64] = np.zeros(0, np.int64)  # ascending; one more than returns, for a return needs two
        self._first = 0  # column of the oldest end
        self._closes: Floats = np.full((0, size + 1 + _SLACK), np.nan)
        self._last_end: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._row: npt.NDArray[np.int32] = np.full(0, -1, np.int32)  # of each code in SYMBOLS
        self._symbols: list[str] = []
        self.left_out = 0
        self.version = 0

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """The end of each observation of ``matrix``, UTC ns, ascending; do not change."""
        return self._ends[1:]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those that had a bar."""
        return tuple(self._symbols)

    def on_bars(self, bars: Bars) -> bool:
        """Take bars in the order in which they come. Whether anything changed."""
        bars = self._ours(bars)
        bars = bars[np.isfinite(bars["close"])]
        before = self.version
        while len(bars):
            # The order counts within a symbol only: first the first bar of each, then the second.
            _, first = np.unique(bars["symbol"], return_index=True)
            if len(first) == len(bars):
                self._take(bars)
                break
            first.sort()
            self._take(bars[first])
            bars = np.delete(bars, first)
        return self.version != before

    def matrix(self, codes: npt.ArrayLike, until_ns: int | None = None) -> Floats:
        """The returns of symbols by their codes: shape (symbols, m), m <= size, oldest first; NaN where unknown.

        Args:
            codes: codes in SYMBOLS; all NaN for one that had no bar.
            until_ns: only windows that end by then, such as the watermark: of those no bar is on its way any more.
        """
        count = len(self._ends) if until_ns is None else int(np.searchsorted(self._ends, until_ns, side="right"))
        wanted = np.asarray(codes, np.int64)
        rows = np.full(len(wanted), -1, np.int64)
        known = wanted < len(self._row)
        rows[known] = self._row[wanted[known]]
        if count < 2 or not self._symbols:
            return np.full((len(wanted), max(count - 1, 0)), np.nan)
        closes = self._closes[rows, self._first : self._first + count]
        closes[rows < 0] = np.nan
        if not np.all(closes > 0.0):  # a NaN is not above 0 either
            closes[~(closes > 0.0)] = np.nan
        return np.asarray(closes[:, 1:] / closes[:, :-1] - 1.0)

    def _ours(self, bars: Bars) -> Bars:
        codes = bars["interval"]
        if len(codes) and (codes == codes[0]).all():
            return bars if self._is_ours(int(codes[0])) else bars[:0]
        return bars[[self._is_ours(code) for code in codes.tolist()]] if len(codes) else bars

    def _is_ours(self, code: int) -> bool:
        known = self._codes.get(code)
        if known is None:
            known = self._codes[code] = interval_text(code, self._intervals) == self._interval
        return known

    def _take(self, bars: Bars) -> None:
        """Bars of different symbols."""
        rows = self._rows(bars["symbol"])
        bars, rows = bars[rows >= 0], rows[rows >= 0]
        newer = bars["end"] > self._last_end[rows]
        if not newer.all():
            bars, rows = bars[newer], rows[newer]
        ends, closes = bars["end"], bars["close"]
        self._last_end[rows] = ends
        for end in np.unique(ends).tolist():
            at = self._column(end)
            same = ends == end
            self._closes[rows[same], at : self._first + len(self._ends)] = closes[same][:, np.newaxis]
        self.version += len(bars)

    def _rows(self, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Row of each code; a new one for who has none, or -1 where there is no room."""
        if len(codes) and int(codes.max()) >= len(self._row):
            grown = np.full(max(len(SYMBOLS), int(codes.max()) + 1), -1, np.int32)
            grown[: len(self._row)] = self._row
            self._row = grown
        rows = self._row[codes]
        if (rows < 0).any():
            for code in codes[rows < 0].tolist():
                if len(self._symbols) < self._max_symbols:
                    self._row[code] = len(self._symbols)
                    self._symbols.append(SYMBOLS.names[code])
                else:
                    self.left_out += 1
            self._reserve(len(self._symbols))
            rows = self._row[codes]
        return rows

    def _reserve(self, count: int) -> None:
        held = len(self._closes)
        if count > held:
            more = max(count - held, held)
            self._closes = np.concatenate([self._closes, np.full((more, self._closes.shape[1]), np.nan)])
            self._last_end = np.concatenate([self._last_end, np.full(more, _NEVER, np.int64)])

    def _column(self, end: int) -> int:
        """Column from which a close of this end stands; a window that is new is made, and the oldest given up for it."""
        place = int(np.searchsorted(self._ends, end))
        count = len(self._ends)
        if place < count and self._ends[place] == end:
            return self._first + place
        if count > self._size:
            return self._replaced(end, place)
        self._ends = np.insert(self._ends, place, end)
        at, stop = self._first + place, self._first + count + 1
        self._closes[:, at + 1 : stop] = self._closes[:, at : stop - 1].copy()
        self._closes[:, at] = self._closes[:, at - 1] if place else np.nan
        return at

    def _replaced(self, end: int, place: int) -> int:
        """A column for a new end where all are taken: the oldest is given up for it, unless the end is older still."""
        count = len(self._ends)
        if place == 0:
            return self._first  # what is carried into the oldest
        self._ends = np.insert(self._ends, place, end)[1:]
        first = self._first
        if place < count:
            self._closes[:, first : first + place - 1] = self._closes[:, first + 1 : first + place].copy()
            return first + place - 1  # holds what it held, the closes of its neighbour
        if first + count == self._closes.shape[1]:
            self._closes[:, :count] = self._closes[:, first:].copy()
            first = 0
        self._first = first + 1
        self._closes[:, first + count] = self._closes[:, first + count - 1]
        return first + count

    def snapshot(self) -> dict[str, Any]:
        """The closes of each symbol by its name, carried forward, in the order of the windows."""
        count, used = len(self._symbols), slice(self._first, self._first + len(self._ends))
        return {
            "version": VERSION,
            "interval": self._interval,
            "ends": self._ends.tobytes(),
            "symbols": list(self._symbols),
            "last_ends": self._last_end[:count].tobytes(),
            "closes": self._closes[:count, used].tobytes(),
            "left_out": self.left_out,
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot. With a smaller ``size`` the oldest are forgotten; of another interval all is.

        Raises:
            ValueError: the snapshot is of another version.
        """
        if stored["version"] != VERSION:
            raise ValueError(f"expected the state of returns in version {VERSION}, found {stored['version']}")
        if stored["interval"] != self._interval:
            return
        ends = np.frombuffer(stored["ends"], np.int64)
        kept = slice(max(len(ends) - self._size - 1, 0), None)
        self._symbols = list(stored["symbols"])
        self._ends, self._first = ends[kept].copy(), 0
        self._reserve(len(self._symbols))
        count = len(self._symbols)
        self._last_end[:count] = np.frombuffer(stored["last_ends"], np.int64)
        closes = np.frombuffer(stored["closes"], np.float64).reshape(count, len(ends))
        self._closes[:count, : len(self._ends)] = closes[:, kept]
        codes = [SYMBOLS.code(symbol) for symbol in self._symbols]
        self._row = np.full(len(SYMBOLS), -1, np.int32)
        self._row[codes] = np.arange(count)
        self.left_out = stored["left_out"]
