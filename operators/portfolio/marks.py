"""The book of marks: open positions of a shard of symbols, marked by each tick.

Longs are marked at the bid, shorts at the ask, else at the last trade, else at the close of the last bar. What cannot be known is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market.state import grown, taken
from operators.portfolio.mark_kernel import (
    HELD_ACCOUNT,
    HELD_PLACE,
    HELD_ROW,
    HELD_SYMBOL,
    NO_PLACE,
    put_holdings,
    say,
    take_closes,
    take_ticks,
)
from operators.portfolio.mark_state import (
    CELL,
    CHANGED,
    CLOCK,
    GO,
    POOL,
    POSITION,
    ROWS,
    SYMBOL,
    SYMBOL_COUNT,
    blank_symbols,
)
from schemas.control import Instrument
from schemas.errors import RecoveryError
from schemas.holdings import Holding
from schemas.interning import ACCOUNTS, CURRENCIES, REASONS
from schemas.market_frames import Bars
from schemas.pnl_frames import NO_REASON, PNL, Pnl, joined_pnl, packed, unpacked
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame

VERSION = 1
"""Of the snapshot: raise it with every change of a stored dtype."""

_LEAST_ROOM = 4
_PRICES = (
    (("price",), "trade_time"),
    (("bid", "ask"), "quote_time"),
    (("close",), "close_end"),
    (("long",), "long_time"),
    (("short",), "short_time"),
)
_COLUMNS = ("first", "count", "room")
_NO_ROWS = np.empty(0, PNL)
_NAMED = (("account", ACCOUNTS), ("currency", CURRENCIES), ("reason", REASONS))
_UNKNOWN = math.nan


class MarkBook:
    """Open positions of one shard of symbols at their marks.

    Args:
        conflate_ns: event time for which a change of marks may wait while frames are large, so that many changes of a position are said as
            one; 0: each frame is said. What a holding changed is always said at once.
    """

    def __init__(self, conflate_ns: int = 0) -> None:
        self._conflate = conflate_ns
        self._ledger: npt.NDArray[np.int64] = np.zeros(7, np.int64)
        self._symbols = blank_symbols(0)
        self._codes: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._changed: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._row_of: npt.NDArray[np.int32] = np.full(1024, -1, np.int32)
        self._pool = np.zeros(64, POSITION)
        self._spare = np.zeros(1, POSITION)
        self._out = np.zeros(64, PNL)
        self._place: dict[int, int] = {}
        self._negative: dict[str, None] = {}
        self._columns: dict[str, npt.NDArray[Any]] = {}
        """Of the symbols, as views: reading a field of a record costs twenty times as much as an item of a column."""
        self._versions: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        """Of the pool, as a view."""
        self._view()

    def __len__(self) -> int:
        """How many positions are open."""
        return len(self._place)

    def on_frame(self, frame: TickFrame) -> Pnl:
        """Apply ticks in their order; at most one row a position, of those whose mark changed."""
        rows = frame.rows if frame.rows.flags.c_contiguous else np.ascontiguousarray(frame.rows)
        self._know()
        self._ledger[ROWS] = at = 0
        needs = GO + 1
        while needs != GO:
            at, needs = take_ticks(
                rows,
                at,
                self._conflate,
                self._symbols,
                self._codes,
                self._row_of,
                self._pool,
                self._changed,
                self._out,
                self._ledger,
            )
            if needs != GO:
                self._admit(rows["symbol"][at:])
        return self._said()

    def on_bars(self, bars: Bars) -> Pnl:
        """Take closes of bars, which mark what has neither quote nor trade."""
        self._know()
        self._admit(bars["symbol"])
        rows = self._row_of[bars["symbol"]]
        close, end, offset = (np.ascontiguousarray(bars[name]) for name in ("close", "end", "offset"))
        take_closes(rows, close, end, offset, self._symbols, self._changed, self._ledger)
        return self._say()

    def on_time(self, time_ns: int) -> Pnl:
        """Event time has come so far; END_OF_TIME_NS: say what is unsaid."""
        self._ledger[CLOCK] = max(int(self._ledger[CLOCK]), time_ns)
        return self._say()

    def on_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        """Learn whether prices below zero are prices. An instrument that is deleted has the defaults."""
        if instrument is not None and instrument.allow_negative:
            self._negative[symbol] = None
        elif symbol in self._negative:
            del self._negative[symbol]
        self._know()
        row = int(self._row_of[SYMBOLS.code(symbol)])
        if row >= 0:
            self._symbols[row]["allow_negative"] = symbol in self._negative

    def on_splits(self, splits: Iterable[tuple[str, Decimal, int]]) -> None:
        """Prices of before a split of that time (0: now) are in old shares: what is held from now on is marked in new ones."""
        for symbol, ratio, time_ns in splits:
            code = SYMBOLS.code(symbol)
            self._know()
            row = int(self._row_of[code])
            for names, time in _PRICES if row >= 0 else ():
                if not time_ns or self._symbols[row][time] < time_ns:
                    for name in names:
                        self._symbols[row][name] /= float(ratio)

    def on_holdings(self, holdings: Sequence[Holding]) -> Pnl:
        """Insert, change or remove positions; the row of each at the present mark. An older or equal version changes nothing."""
        if len(holdings) > 1 and len({(holding.account, holding.symbol) for holding in holdings}) < len(holdings):
            return joined_pnl([self.on_holdings([holding]) for holding in holdings])
        if not holdings:
            return _NO_ROWS
        codes = [SYMBOLS.code(holding.symbol) for holding in holdings]
        self._know()
        rows = self._row_of[codes]
        if rows.min() < 0:
            self._admit(np.array(codes, np.int32))
            rows = self._row_of[codes]
        facts = [self._facts(holding, code, row) for holding, code, row in zip(holdings, codes, rows.tolist(), strict=True)]
        columns, numbers = np.array(facts, np.int64), np.array([_numbers(holding) for holding in holdings])
        if len(holdings) > len(self._out):
            self._out = np.zeros(len(holdings), PNL)
        put_holdings(columns, numbers, self._symbols, self._pool, self._spare, self._out, self._ledger)
        for at in np.flatnonzero((numbers[:, 0] == 0.0) & (columns[:, HELD_PLACE] >= 0)).tolist():
            code, row, account = columns[at, [HELD_SYMBOL, HELD_ROW, HELD_ACCOUNT]].tolist()
            self._close(row, account << 32 | code, code)
        return self._said()

    def _facts(self, holding: Holding, code: int, row: int) -> tuple[int, ...]:
        """A holding's columns; one that opens a position gets a place."""
        account = ACCOUNTS.code(holding.account)
        key = account << 32 | code
        place = self._place.get(key, NO_PLACE)
        if place == NO_PLACE and holding.quantity:
            place = self._open(row, key)
        reason = REASONS.code(holding.reason) if holding.reason else NO_REASON
        currency = CURRENCIES.code(holding.currency)
        return code, row, place, holding.version, holding.time_ns, holding.place.offset, account, currency, reason, holding.inverse

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data: names instead of codes, arrays as bytes; positions side by side."""
        count = int(self._ledger[SYMBOL_COUNT])
        symbols = taken(self._symbols, count)
        runs = symbols["count"].astype(np.int64)
        start = np.cumsum(runs) - runs
        places = np.repeat(symbols["first"] - start, runs) + np.arange(int(runs.sum()))
        symbols["first"], symbols["room"] = start, runs
        positions, names = packed(self._pool.view(f"V{POSITION.itemsize}").take(places).view(POSITION), _NAMED)
        return {
            "version": VERSION,
            "names": [SYMBOLS.names[code] for code in self._codes[:count].tolist()],
            "symbols": symbols.tobytes(),
            "positions": positions,
            "position_names": names,
            "changed": self._changed[: self._ledger[CHANGED]].tolist(),
            "clock_ns": int(self._ledger[CLOCK]),
            "cell": int(self._ledger[CELL]),
            "negative": list(self._negative),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on a book that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(
                f"expected stored marks of version {VERSION}, found {stored.get('version')}",
                hint="start over with another recovery store",
            )
        self._codes = np.array([SYMBOLS.code(name) for name in stored["names"]], np.int32)
        count = len(self._codes)
        self._know()
        self._row_of[self._codes] = np.arange(count, dtype=np.int32)
        self._symbols = np.frombuffer(bytearray(stored["symbols"]), SYMBOL)
        self._pool = unpacked(stored["positions"], stored["position_names"], POSITION, _NAMED)
        self._out = np.zeros(len(self._pool), PNL)
        self._changed = np.zeros(count, np.int32)
        self._changed[: len(stored["changed"])] = stored["changed"]
        changed, clock, cell = len(stored["changed"]), stored["clock_ns"], stored["cell"]
        self._ledger[:] = (count, changed, 0, clock, cell, len(self._pool), 0)
        runs = self._symbols["count"].astype(np.int64)
        within = np.arange(len(self._pool)) - np.repeat(self._symbols["first"], runs)
        keys = self._pool["account"].astype(np.int64) << 32 | np.repeat(self._codes, runs)
        self._place = dict(zip(keys.tolist(), within.tolist(), strict=True))
        self._negative = dict.fromkeys(stored["negative"])
        self._view()

    def _say(self) -> Pnl:
        self._ledger[ROWS] = 0
        say(self._conflate, self._symbols, self._codes, self._pool, self._changed, self._out, self._ledger)
        return self._said()

    def _said(self) -> Pnl:
        count = int(self._ledger[ROWS])
        return taken(self._out, count) if count else _NO_ROWS

    def _view(self) -> None:
        """There are other arrays now."""
        self._columns = {name: self._symbols[name] for name in _COLUMNS}
        self._versions = self._pool["version"]

    def _open(self, symbol: int, key: int) -> int:
        """A place for a new position among its symbol's."""
        place: int = self._columns["count"].item(symbol)
        room: int = self._columns["room"].item(symbol)
        if place == room:
            self._move(symbol, max(_LEAST_ROOM, 2 * room))
        self._columns["count"][symbol] = place + 1
        self._versions[self._columns["first"].item(symbol) + place] = 0
        self._place[key] = place
        return place

    def _move(self, symbol: int, room: int) -> None:
        """Give a symbol's positions more room, at the end of the pool."""
        columns = self._columns
        start, count, end = columns["first"].item(symbol), columns["count"].item(symbol), int(self._ledger[POOL])
        if end + room > len(self._pool):
            self._pool = grown(self._pool, np.zeros(max(room, len(self._pool)), POSITION))
            self._out = np.zeros(len(self._pool), PNL)
            self._view()
        self._pool[end : end + count] = self._pool[start : start + count]
        columns["first"][symbol], columns["room"][symbol] = end, room
        self._ledger[POOL] = end + room

    def _close(self, symbol: int, key: int, code: int) -> None:
        """Take a position away; the last of its symbol moves to its place."""
        place = self._place.pop(key)
        first, last = self._columns["first"].item(symbol), self._columns["count"].item(symbol) - 1
        if place != last:
            self._pool[first + place] = self._pool[first + last]
            self._place[int(self._pool[first + place]["account"]) << 32 | code] = place
        self._columns["count"][symbol] = last

    def _admit(self, codes: npt.NDArray[np.int32]) -> None:
        """Give those of these symbols a row that have none, in order of first appearance."""
        codes = codes[codes >= 0]
        codes = codes[self._row_of[codes] < 0]
        _, firsts = np.unique(codes, return_index=True)
        new = codes[np.sort(firsts)]
        first, count = int(self._ledger[SYMBOL_COUNT]), int(self._ledger[SYMBOL_COUNT]) + len(new)
        if count > len(self._symbols):
            more = max(64, count, 2 * len(self._symbols)) - len(self._symbols)
            self._symbols = grown(self._symbols, blank_symbols(more))
            self._view()
            self._codes, self._changed = (np.concatenate([old, np.zeros(more, np.int32)]) for old in (self._codes, self._changed))
        self._codes[first:count] = new
        self._row_of[new] = np.arange(first, count, dtype=np.int32)
        self._ledger[SYMBOL_COUNT] = count
        for row, code in enumerate(new.tolist(), first):
            if SYMBOLS.names[code] in self._negative:
                self._symbols[row]["allow_negative"] = 1

    def _know(self) -> None:
        """Room for every symbol there is."""
        if len(SYMBOLS.names) > len(self._row_of):
            more = max(len(SYMBOLS.names), 2 * len(self._row_of)) - len(self._row_of)
            self._row_of = np.concatenate([self._row_of, np.full(more, -1, np.int32)])


def _numbers(holding: Holding) -> tuple[float, float, float, float]:
    average, realized = holding.average_price, holding.realized
    return (
        float(holding.quantity),
        _UNKNOWN if average is None else float(average),
        float(holding.multiplier),
        _UNKNOWN if realized is None else float(realized),
    )
