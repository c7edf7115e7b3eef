"""Order flow of the symbols of one shard: ticks in, what each window of a bar held out."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.indicators.flow_windows import FlowWindow
from operators.indicators.names import parse_indicators
from operators.indicators.orderflow import Microprice, Ofi, Vpin
from operators.indicators.settings import IndicatorSettings
from operators.market.windows import lay_out
from operators.orderflow.kernel import take_rows
from operators.orderflow.state import (
    CLOSED,
    GO,
    NEEDS_PARTITION,
    NEEDS_SYMBOL,
    NEWCOMERS,
    OUT,
    SETTINGS,
    SYMBOL_COUNT,
    blank,
)
from operators.orderflow.volume import VPIN
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame
from schemas.times import END_OF_TIME_NS

VERSION = 1
"""Of the snapshot: raise it with every change of a stored dtype."""


class OrderFlow:
    """State of the symbols of one shard.

    A tick costs as much as a few indicators' numbers; a symbol about 200 bytes, 48 a window and 8 a bucket. Nothing is forgotten.
    """

    def __init__(self, settings: IndicatorSettings) -> None:
        """Of the indicators in ``settings`` those that are made of ticks."""
        flows = [definition.make() for definition in parse_indicators(settings.indicators) if definition.kind.is_flow]
        vpins = [flow for flow in flows if isinstance(flow, Vpin)]
        order = {Ofi: 0, Microprice: 1}
        self._order = tuple(order.get(type(flow), 0) if not isinstance(flow, Vpin) else 2 + vpins.index(flow) for flow in flows)
        self._texts = settings.intervals
        self._layout = lay_out(settings.intervals, settings.lateness_ns)
        self._slots = int(self._layout["slots"].sum())
        self._vpins = np.zeros(len(vpins), VPIN)
        for at, vpin in enumerate(vpins):
            self._vpins[at] = (vpin.volume, sum(before.buckets for before in vpins[:at]), vpin.buckets)
        self._settings = np.array([(settings.lateness_ns, settings.quiet_after_ns)], SETTINGS)
        self._plan = [VERSION, list(settings.intervals), settings.lateness_ns, [[vpin.volume, vpin.buckets] for vpin in vpins]]
        self._ledger: npt.NDArray[np.int64] = np.zeros(3, np.int64)
        self._state: list[npt.NDArray[Any]] = list(blank(64, self._slots, self._vpins))
        self._codes: npt.NDArray[np.int32] = np.zeros(64, np.int32)
        self._row_of: npt.NDArray[np.int32] = np.full(1024, -1, np.int32)
        self._least_end: npt.NDArray[np.int64] = np.full(8, END_OF_TIME_NS, np.int64)
        self._newcomers: npt.NDArray[np.int32] = np.zeros(1024, np.int32)
        self._out = np.zeros(0, CLOSED)
        self._out_levels: npt.NDArray[np.float64] = np.zeros((0, len(vpins)))
        self._make_room(max(256, 2 * self._slots))
        self._carried: dict[tuple[str, str], list[float | None]] = {}

    def on_frame(self, frame: TickFrame) -> list[FlowWindow]:
        """Apply the rows of a frame in their order; the windows that they closed."""
        rows = np.ascontiguousarray(frame.rows)
        if len(rows) > len(self._newcomers):
            self._newcomers = np.zeros(2 * len(rows), np.int32)
        if len(SYMBOLS.names) > len(self._row_of):
            self._know(len(SYMBOLS.names))
        self._ledger[:SYMBOL_COUNT] = 0
        at, needs = self._take(rows, 0)
        while needs != GO:
            if needs == NEEDS_PARTITION:
                more = np.full(2 * int(rows[at]["partition"]) + 2 - len(self._least_end), END_OF_TIME_NS, np.int64)
                self._least_end = np.concatenate([self._least_end, more])
            elif needs == NEEDS_SYMBOL:
                self._admit(self._newcomers[: self._ledger[NEWCOMERS]])
            else:
                self._make_room(2 * len(self._out))
            at, needs = self._take(rows, at)
        return self._closed(int(self._ledger[OUT]))

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data: names instead of codes, arrays as bytes."""
        count = int(self._ledger[SYMBOL_COUNT])
        return {
            "version": VERSION,
            "plan": self._plan,
            "names": [SYMBOLS.names[code] for code in self._codes[:count].tolist()],
            "state": [array[:count].tobytes() for array in self._state],
            "least_end": self._least_end.tobytes(),
            "carried": [[*key, values] for key, values in self._carried.items()],
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; one of other intervals or indicators is left alone, and order flow begins afresh."""
        if stored["plan"] != self._plan:
            return
        names = stored["names"]
        self._ledger[SYMBOL_COUNT] = len(names)
        self._codes = np.array([SYMBOLS.code(name) for name in names], np.int32)
        self._know(len(SYMBOLS.names))
        self._row_of[self._codes] = np.arange(len(names), dtype=np.int32)
        self._state = [
            np.frombuffer(bytearray(raw), array.dtype).reshape(len(names), *array.shape[1:])
            for raw, array in zip(stored["state"], self._state, strict=True)
        ]
        self._least_end = np.frombuffer(bytearray(stored["least_end"]), np.int64)
        self._carried = {(symbol, interval): values for symbol, interval, values in stored["carried"]}

    def _take(self, rows: npt.NDArray[np.void], at: int) -> tuple[int, int]:
        own = (self._codes, self._row_of, self._least_end, self._out, self._out_levels, self._newcomers, self._ledger)
        arrays: list[Any] = [*self._state, *own]
        at, needs = take_rows(rows, at, self._layout, self._vpins, self._settings, *arrays)
        return at, needs

    def _closed(self, count: int) -> list[FlowWindow]:
        made = []
        for row, levels in zip(self._out[:count].tolist(), self._out_levels[:count].tolist(), strict=True):
            end, imbalance, microprice, symbol, interval = row
            key = SYMBOLS.names[symbol], self._texts[interval]
            found = [None if isnan(value) else value for value in (imbalance, microprice, *levels)]
            before = self._carried.get(key, found[1:])
            last = [old if new is None else new for old, new in zip(before, found[1:], strict=True)]
            self._carried[key] = last
            values = (found[0], *last)
            made.append(FlowWindow(*key, end, tuple(values[at] for at in self._order)))
        return made

    def _admit(self, codes: npt.NDArray[np.int32]) -> None:
        first = int(self._ledger[SYMBOL_COUNT])
        count = first + len(codes)
        if count > len(self._codes):
            more = max(64, count, 2 * len(self._codes)) - len(self._codes)
            fresh = blank(more, self._slots, self._vpins)
            self._state = [np.concatenate([array, added]) for array, added in zip(self._state, fresh, strict=True)]
            self._codes = np.concatenate([self._codes, np.zeros(more, np.int32)])
        self._codes[first:count] = codes
        self._row_of[codes] = np.arange(first, count, dtype=np.int32)
        self._ledger[SYMBOL_COUNT] = count

    def _make_room(self, windows: int) -> None:
        """Room for so many that close."""
        more = windows - len(self._out)
        self._out = np.concatenate([self._out, np.zeros(more, CLOSED)])
        self._out_levels = np.concatenate([self._out_levels, np.zeros((more, len(self._vpins)))])

    def _know(self, codes: int) -> None:
        more = max(codes, 2 * len(self._row_of)) - len(self._row_of)
        if more > 0:
            self._row_of = np.concatenate([self._row_of, np.full(more, -1, np.int32)])
