"""The kernel of watches: each row of a frame is marked and held against its symbol's bounds, event by event.

A row is done whole or not at all: what it may need (a place for its symbol, room for edges, a split that its time has reached) is looked
at first, and a kernel that lacks something stops before the row and says what.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.market.marks import mark_quote, mark_trade, pass_time
from operators.market.volatility import add_price, reset_volatility
from operators.portfolio.mark_kernel import choose_marks, is_refused, note_change, take_close
from operators.risk.symbols.watch_rules import judge, judge_silence, note_extremes, prices_of
from operators.risk.symbols.watch_state import (
    CHANGED,
    EDGES,
    GO,
    NEEDS_PARTITION,
    NEEDS_ROOM,
    NEEDS_SPLIT,
    NEEDS_SYMBOL,
    NEXT_SPLIT,
    SYMBOL_COUNT,
    Ledger,
    Records,
)
from schemas.kernels import kernel, leaf
from schemas.ticks import TRADE, WATERMARK
from schemas.times import DAY_NS, END_OF_TIME_NS

_DECAY = 0.94
"""Of the variance that is not used here."""


@leaf
def mark_symbol(symbol: np.void, tick: np.void) -> bool:
    """Take a tick's prices: marks, last trade, variance, extremes; whether a mark or the last trade changed."""
    pass_time(symbol, tick)
    before, had_trade = symbol["price"], symbol["trade_time"] >= 0
    if tick["kind"] == TRADE:
        if not had_trade:
            reset_volatility(symbol)
        latest, price = mark_trade(symbol, tick), tick["price"]
    else:
        latest, price = mark_quote(symbol, tick)
    if latest and price == price and (tick["kind"] == TRADE or not had_trade):
        add_price(symbol, price, tick["time"] // DAY_NS, _DECAY)
    moved = choose_marks(symbol, symbol["time"], symbol["repeat"])
    if tick["kind"] == TRADE and symbol["price"] != before:
        moved = True
    if moved:
        symbol["moved_time"] = symbol["time"]
        symbol["moved_offset"] = tick["offset"]
        symbol["moved_partition"] = tick["partition"]
    return moved


@leaf
def is_passed(symbol: np.void) -> bool:
    """Note the extremes of a symbol's prices; whether they or its variance lie beyond its bounds."""
    long, short = prices_of(symbol)
    note_extremes(symbol, long, short)
    variance = symbol["realized_variance"]
    if variance != variance:
        variance = 0.0
    return bool(
        long < symbol["long_low"]
        or long > symbol["long_high"]
        or short < symbol["short_low"]
        or short > symbol["short_high"]
        or variance < symbol["variance_low"]
        or variance > symbol["variance_high"]
    )


@leaf
def take_tick(
    tick: np.void,
    clock: int,
    row: int,
    symbols: Records,
    positions: Records,
    watches: Records,
    least_due: npt.NDArray[np.int64],
    changed: npt.NDArray[np.int32],
    edges: Records,
    ledger: Ledger,
) -> None:
    """A tick of a known symbol: silence first, which it may end, then its prices."""
    symbol, partition = symbols[row], tick["partition"]
    is_due = clock > symbol["due"] or symbol["silent"] > 0
    if is_due:
        judge_silence(watches, symbol, clock, 0, tick["offset"], edges, ledger)
    if mark_symbol(symbol, tick):
        note_change(symbols, row, changed, ledger)
    is_new = symbol["partition"] != partition
    symbol["partition"] = partition
    if is_passed(symbol) or is_due:
        judge(watches, positions, symbol, clock, tick["time"], tick["offset"], edges, ledger)
        is_new = True
    if is_new:
        least_due[partition] = min(least_due[partition], symbol["due"])


@leaf
def sweep(
    tick: np.void,
    clock: int,
    symbols: Records,
    positions: Records,
    watches: Records,
    least_due: npt.NDArray[np.int64],
    edges: Records,
    ledger: Ledger,
) -> int:
    """A partition's clock has come so far: find the symbols that have been silent for too long."""
    partition = tick["partition"]
    if clock <= least_due[partition]:
        return GO
    least = END_OF_TIME_NS
    for row in range(ledger[SYMBOL_COUNT]):
        symbol = symbols[row]
        if symbol["partition"] != partition and symbol["partition"] >= 0:
            continue
        if clock > symbol["due"]:
            if edges.size - ledger[EDGES] < 2 * symbol["watches"]:
                return NEEDS_ROOM
            judge_silence(watches, symbol, clock, 0, tick["offset"], edges, ledger)
            judge(watches, positions, symbol, clock, symbol["time"], tick["offset"], edges, ledger)
        least = min(least, symbol["due"])
    least_due[partition] = least
    return GO


@leaf
def take_row(
    tick: np.void,
    symbols: Records,
    row_of: npt.NDArray[np.int32],
    positions: Records,
    watches: Records,
    clocks: npt.NDArray[np.int64],
    least_due: npt.NDArray[np.int64],
    changed: npt.NDArray[np.int32],
    edges: Records,
    ledger: Ledger,
) -> int:
    """One row of a frame: GO, or what it needs before it can be taken."""
    partition = tick["partition"]
    if partition >= clocks.size:
        return NEEDS_PARTITION
    if tick["watermark"] >= ledger[NEXT_SPLIT] and ledger[NEXT_SPLIT] != END_OF_TIME_NS:
        return NEEDS_SPLIT
    clock = tick["watermark"]
    if clock == END_OF_TIME_NS:
        clock = clocks[partition]  # the end of an input is no time
    clocks[partition] = max(clocks[partition], clock)
    if tick["kind"] == WATERMARK:
        return sweep(tick, clock, symbols, positions, watches, least_due, edges, ledger)
    row = row_of[tick["symbol"]]
    if row < 0:
        return NEEDS_SYMBOL
    symbol = symbols[row]
    if edges.size - ledger[EDGES] < 2 * symbol["watches"]:
        return NEEDS_ROOM
    if not is_refused(tick, symbol["allow_negative"]):
        take_tick(tick, clock, row, symbols, positions, watches, least_due, changed, edges, ledger)
    return GO


@kernel
def take_rows(
    rows: Records,
    at: int,
    symbols: Records,
    row_of: npt.NDArray[np.int32],
    positions: Records,
    watches: Records,
    clocks: npt.NDArray[np.int64],
    least_due: npt.NDArray[np.int64],
    changed: npt.NDArray[np.int32],
    edges: Records,
    ledger: Ledger,
) -> tuple[int, int]:
    """Take the rows of a frame from ``at`` on: the row it stopped before, and why (GO: all are done)."""
    while at < rows.size:
        needs = take_row(rows[at], symbols, row_of, positions, watches, clocks, least_due, changed, edges, ledger)
        if needs != GO:
            return at, needs
        at += 1
    return at, GO


@kernel
def take_closes(
    rows: npt.NDArray[np.int32],
    closes: npt.NDArray[np.float64],
    ends: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    symbols: Records,
    changed: npt.NDArray[np.int32],
    ledger: Ledger,
) -> None:
    """Take bars, by the row of their symbol. Watches are for the caller."""
    for at in range(rows.size):
        symbol = symbols[rows[at]]
        if take_close(symbol, closes[at], ends[at]):
            symbol["moved_time"] = ends[at]
            symbol["moved_offset"] = offsets[at]
            symbol["moved_partition"] = -1
            is_passed(symbol)
            note_change(symbols, rows[at], changed, ledger)


@kernel
def say_marks(symbols: Records, codes: npt.NDArray[np.int32], changed: npt.NDArray[np.int32], out: Records, ledger: Ledger) -> int:
    """Write the marks of those that changed, which then are said; how many rows of ``out`` (dtype SYMBOL_MARK) that are."""
    count = 0
    for at in range(ledger[CHANGED]):
        symbol = symbols[changed[at]]
        symbol["changed"] = 0
        if symbol["moved_time"] < 0:
            continue
        mark = out[count]
        mark["long"] = symbol["long"]
        mark["short"] = symbol["short"]
        mark["last"] = symbol["price"]
        mark["time"] = symbol["moved_time"]
        mark["offset"] = symbol["moved_offset"]
        mark["symbol"] = codes[changed[at]]
        mark["partition"] = symbol["moved_partition"]
        count += 1
    ledger[CHANGED] = 0
    return count


@kernel
def judge_row(
    row: int,
    clock: int,
    since_ns: int,
    time: int,
    place: int,
    symbols: Records,
    positions: Records,
    watches: Records,
    edges: Records,
    ledger: Ledger,
) -> None:
    """Hold a symbol's present values against its watches: something other than a tick came. ``edges`` has room for two of each watch."""
    symbol = symbols[row]
    judge_silence(watches, symbol, clock, since_ns, place, edges, ledger)
    judge(watches, positions, symbol, clock, time, place, edges, ledger)


@kernel
def settle(row: int, symbols: Records, positions: Records) -> None:
    """Write what a symbol keeps of extremes to its positions: what comes next was not there before."""
    symbol = symbols[row]
    at = symbol["position"]
    while at >= 0:
        position = positions[at]
        if position["sign"] > 0:
            position["extreme"] = max(position["extreme"], symbol["highest"])
        else:
            position["extreme"] = min(position["extreme"], symbol["lowest"])
        at = position["next"]
    symbol["highest"] = -np.inf
    symbol["lowest"] = np.inf
