"""What of the feed the paper exchange keeps: each symbol's partition and whether it has quotes, watermarks, and what is watched for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.orders.paper.triggers import NO_FEED, NO_ROW, NO_WATERMARK, blank_watches, next_row
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame
from schemas.times import END_OF_TIME_NS


class Watching:
    """Thresholds by symbol, and the clock of each: the watermark of its partition.

    Four bytes a symbol of the feed, 48 a symbol with orders.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._watches = blank_watches(16)
        self._row_of: npt.NDArray[np.int32] = np.full(1024, NO_ROW, np.int32)
        self._feed: npt.NDArray[np.int32] = np.full(1024, NO_FEED, np.int32)
        self._marks: npt.NDArray[np.int64] = np.full(8, NO_WATERMARK, np.int64)
        self._least_due = END_OF_TIME_NS

    def rows(self, frame: TickFrame) -> Iterator[np.void]:
        """The rows of a frame that may concern an order; thresholds may be set between one and the next."""
        rows = np.ascontiguousarray(frame.rows)
        self._know()
        at = 0
        while at < len(rows):
            at = next_row(rows, at, self._watches, self._row_of, self._feed, self._marks, self._least_due)
            if at < 0:
                at = -1 - at
                more = np.full(2 * int(rows[at]["partition"]) + 2 - len(self._marks), NO_WATERMARK, np.int64)
                self._marks = np.concatenate([self._marks, more])
            elif at < len(rows):
                yield rows[at]
                at += 1

    def add(self, symbol: str) -> None:
        """Watch a symbol from now on."""
        if len(self.names) == len(self._watches):
            self._watches = np.concatenate([self._watches, blank_watches(len(self._watches))])
        code = SYMBOLS.code(symbol)
        self._know()
        self._row_of[code] = len(self.names)
        self.names.append(symbol)

    def set(self, symbol: str, due_ns: int, limits: tuple[float, float], stops: tuple[float, float], takes: int) -> None:
        """Thresholds of a symbol; limits and stops are (buy, sell)."""
        self._watches[int(self._row_of[SYMBOLS.code(symbol)])] = (due_ns, *limits, *stops, takes)
        self._least_due = min(self._least_due, due_ns)

    def due(self, partition: int, watermark_ns: int) -> list[str]:
        """Symbols of a partition (and of none yet) for which something takes effect by its watermark."""
        due = self._watches["due"][: len(self.names)]
        found = [self.names[row] for row in np.flatnonzero(due <= watermark_ns).tolist()]
        return [name for name in found if self._feed_of(name) in (NO_FEED, 2 * partition, 2 * partition + 1)]

    def end(self, partition: int) -> int:
        """A partition's input ends; the watermark that it had, ns."""
        mark = int(self._marks[partition])
        self._marks[partition] = END_OF_TIME_NS
        return mark

    def settle(self) -> None:
        """After what was due is done."""
        self._least_due = int(self._watches["due"][: len(self.names)].min(initial=END_OF_TIME_NS))

    def clock(self, symbol: str) -> int:
        """How far event time has come for a symbol, ns; -1: nowhere yet."""
        feed = self._feed_of(symbol)
        return int(self._marks.max() if feed < 0 else self._marks[feed >> 1])

    def is_quoted(self, symbol: str) -> bool:
        """Whether the symbol's feed has quotes."""
        feed = self._feed_of(symbol)
        return feed >= 0 and bool(feed & 1)

    def dump(self) -> dict[str, Any]:
        """The feed and its watermarks as plain data, by name; thresholds are set again."""
        known = np.flatnonzero(self._feed != NO_FEED)
        return {
            "feed": {SYMBOLS.names[code]: feed for code, feed in zip(known.tolist(), self._feed[known].tolist(), strict=True)},
            "marks": {partition: mark for partition, mark in enumerate(self._marks.tolist()) if mark != NO_WATERMARK},
            "names": list(self.names),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from what ``dump`` made."""
        codes = [SYMBOLS.code(name) for name in stored["feed"]]
        self._know()
        self._feed[codes] = list(stored["feed"].values())
        self._marks = np.full(max(8, *(partition + 1 for partition in stored["marks"]), 0), NO_WATERMARK, np.int64)
        for partition, mark in stored["marks"].items():
            self._marks[partition] = mark
        for name in stored["names"]:
            self.add(name)

    def _feed_of(self, symbol: str) -> int:
        code = SYMBOLS.code(symbol)
        return int(self._feed[code]) if code < len(self._feed) else NO_FEED

    def _know(self) -> None:
        """Room for all symbols that there are."""
        if len(SYMBOLS) > len(self._feed):
            more = max(len(SYMBOLS), 2 * len(self._feed)) - len(self._feed)
            self._row_of = np.concatenate([self._row_of, np.full(more, NO_ROW, np.int32)])
            self._feed = np.concatenate([self._feed, np.full(more, NO_FEED, np.int32)])
