"""The kernel's arrays and its calls: symbols, positions and watches of one shard, and the edges that are passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market.state import grown, taken
from operators.risk.symbols.holders import Seats
from operators.risk.symbols.rows import SymbolRows
from operators.risk.symbols.watch_kernel import judge_row, say_marks, settle, take_closes, take_rows
from operators.risk.symbols.watch_state import (
    CHANGED,
    EDGE,
    EDGES,
    GO,
    NEEDS_PARTITION,
    NEEDS_ROOM,
    NEEDS_SPLIT,
    NEEDS_SYMBOL,
    NEXT_SPLIT,
    Records,
)
from operators.risk.symbols.watches import Watches
from schemas.market_frames import Bars
from schemas.risk_frames import SYMBOL_MARK
from schemas.ticks import TickFrame
from schemas.times import END_OF_TIME_NS

NO_CLOCK = -1


class Bench:
    """What is watched, and by what.

    Attributes:
        clocks: shape (partitions,): how far event time has come in each; NO_CLOCK: nowhere yet.
    """

    def __init__(self) -> None:
        self._ledger: npt.NDArray[np.int64] = np.zeros(4, np.int64)
        self._ledger[NEXT_SPLIT] = END_OF_TIME_NS
        self._edges = np.zeros(64, EDGE)
        self._marks = np.zeros(0, SYMBOL_MARK)
        self._least_due: npt.NDArray[np.int64] = np.full(8, END_OF_TIME_NS, np.int64)
        self.clocks: npt.NDArray[np.int64] = np.full(8, NO_CLOCK, np.int64)
        self.symbols = SymbolRows(self._ledger)
        self.seats = Seats()
        self.watches = Watches()

    def splits_within(self, frame: TickFrame) -> Iterator[int]:
        """Take a frame's rows; yields the time that event time has come to whenever a split is due, before it goes on."""
        rows = frame.rows if frame.rows.flags.c_contiguous else np.ascontiguousarray(frame.rows)
        self.symbols.know()
        at, needs = 0, GO + 1
        while needs != GO:
            at, needs = self._take(rows, at)
            if needs == NEEDS_SYMBOL:
                self.symbols.admit(rows["symbol"][at:])
            elif needs == NEEDS_PARTITION:
                self._know_partition(int(rows[at]["partition"]))
            elif needs == NEEDS_ROOM:
                self._edges = grown(self._edges, np.zeros_like(self._edges))
            elif needs == NEEDS_SPLIT:
                yield int(rows[at]["watermark"])

    def take_bars(self, bars: Bars) -> list[int]:
        """Take closes of bars; the rows of held symbols whose marks changed, which are still to be said."""
        self.symbols.know()
        self.symbols.admit(bars["symbol"])
        close, end, offset = (np.ascontiguousarray(bars[name]) for name in ("close", "end", "offset"))
        rows = self.symbols.row_of[bars["symbol"]]
        take_closes(rows, close, end, offset, self.symbols.records, self.symbols.changed, self._ledger)
        return self.symbols.changed_rows()

    def judge(self, row: int, time_ns: int, offset: int, *, watched_otherwise: bool = False) -> None:
        """Hold a symbol's present values against its watches, because of a record of that time and place.

        Args:
            row: of the symbol.
            time_ns: of the record.
            offset: of the record.
            watched_otherwise: silence was measured otherwise until now, so what is too long already is so from now on.
        """
        symbol, clock = self.symbols.records[row], self.clock(row)
        while len(self._edges) - self._ledger[EDGES] < 2 * symbol["watches"]:
            self._edges = grown(self._edges, np.zeros_like(self._edges))
        arrays = (self.symbols.records, self.seats.pool, self.watches.pool, self._edges, self._ledger)
        judge_row(row, clock, clock if watched_otherwise else 0, time_ns, offset, *arrays)
        self.hasten(row)

    def hasten(self, row: int) -> None:
        """A symbol may be due earlier than its partition knows."""
        symbol = self.symbols.records[row]
        dues = self._least_due[symbol["partition"] :][:1] if symbol["partition"] >= 0 else self._least_due
        np.minimum(dues, symbol["due"], out=dues)

    def rejudge(self, row: int) -> None:
        """Watches of a symbol were changed otherwise than by its values: it is judged at its next row."""
        self.symbols.records[row]["due"] = NO_CLOCK
        self.hasten(row)

    def settle(self, row: int) -> None:
        """What comes next is not yet in the extremes of a symbol's positions."""
        settle(row, self.symbols.records, self.seats.pool)

    def split(self, row: int, ratio: float, time_ns: int, when_ns: int, new: list[int]) -> None:
        """A split of that time (0: now) takes effect at ``when_ns``: prices of before it are in new shares now.

        Extremes of positions at ``new`` seats were so before.
        """
        symbol = self.symbols.records[row]
        self.settle(row)
        at = int(symbol["position"])
        while at >= 0:
            if at not in new:
                self.seats.pool[at]["extreme"] /= ratio
            at = int(self.seats.pool[at]["next"])
        for names, time in (
            (("price", "return_price"), "trade_time"),
            (("bid", "ask"), "quote_time"),
            (("close",), "close_end"),
            (("long",), "long_time"),
            (("short",), "short_time"),
        ):
            if not time_ns or symbol[time] < time_ns:
                for name in names:
                    symbol[name] /= ratio
        if symbol["moved_time"] >= 0:
            symbol["moved_time"] = max(int(symbol["moved_time"]), when_ns)
            self.symbols.note(row)

    def watches_of(self, row: int) -> list[tuple[int, str]]:
        """Each watch of a symbol, with its limit."""
        found, at = [], int(self.symbols.records[row]["watch"])
        while at >= 0:
            name = self.watches.names[at]
            found.append((at, name[0] if name else ""))
            at = int(self.watches.pool[at]["next"])
        return found

    def clock(self, row: int) -> int:
        """How far event time has come for a symbol; for one without a tick how far it has come anywhere."""
        partition = int(self.symbols.records[row]["partition"])
        return int(self.clocks[partition] if partition >= 0 else self.clocks.max())

    def await_split(self, time_ns: int) -> None:
        """Stop before the first row that event time has come so far with."""
        self._ledger[NEXT_SPLIT] = time_ns

    def take_edges(self) -> Records:
        """The edges that were passed since the last time, in order."""
        count = int(self._ledger[EDGES])
        self._ledger[EDGES] = 0
        return taken(self._edges, count)

    def take_marks(self) -> Records:
        """Present marks of held symbols where one changed since the last time."""
        symbols = self.symbols
        if not self._ledger[CHANGED]:
            return self._marks[:0]
        if len(self._marks) < len(symbols.changed):
            self._marks = np.zeros(len(symbols.changed), SYMBOL_MARK)
        return taken(self._marks, say_marks(symbols.records, symbols.codes, symbols.changed, self._marks, self._ledger))

    def dump(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "symbols": self.symbols.dump(),
            "seats": self.seats.dump(),
            "watches": self.watches.dump(),
            "clocks": self.clocks.tobytes(),
            "least_due": self._least_due.tobytes(),
            "next_split": int(self._ledger[NEXT_SPLIT]),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from ``dump``."""
        self.symbols.load(stored["symbols"])
        self.seats.load(stored["seats"])
        self.watches.load(stored["watches"])
        self.clocks = np.frombuffer(bytearray(stored["clocks"]), np.int64)
        self._least_due = np.frombuffer(bytearray(stored["least_due"]), np.int64)
        self._ledger[NEXT_SPLIT] = stored["next_split"]

    def _take(self, rows: Records, at: int) -> tuple[int, int]:
        symbols, ledger = self.symbols, self._ledger
        pools = self.seats.pool, self.watches.pool
        at, needs = take_rows(
            rows, at, symbols.records, symbols.row_of, *pools, self.clocks, self._least_due, symbols.changed, self._edges, ledger
        )
        return at, needs

    def _know_partition(self, partition: int) -> None:
        more = 2 * partition + 2 - len(self.clocks)
        self.clocks = np.concatenate([self.clocks, np.full(more, NO_CLOCK, np.int64)])
        self._least_due = np.concatenate([self._least_due, np.full(more, NO_CLOCK, np.int64)])
