"""The fused kernel: each row of a frame through every idea, event by event.

A row is done whole or not at all: what it may need (a place for its symbol, room for what it makes) is looked at first, and a kernel
that lacks something stops before the row and says what. So outputs are bounded buffers and a frame of any size passes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.market.bands import follow, judge_bands, remember, reset_recent, reset_tape
from operators.market.bars import add_trade, close_bar, extend_bar, start_bar
from operators.market.marks import mark_quote, mark_trade, pass_time, write_mark
from operators.market.state import (
    BARS,
    DEAD,
    EDGES,
    GO,
    LATE,
    LATES,
    MOVED,
    NEEDS_PARTITION,
    NEEDS_ROOM,
    NEEDS_SYMBOL,
    NEGATIVE_PRICE,
    NEWCOMERS,
    NUMBER,
    OUT,
    REJECTS,
    SYMBOL_COUNT,
    TOUCHED,
    Room,
    State,
)
from operators.market.volatility import add_price, reset_volatility
from operators.market.windows import horizon_of, least_end, next_to_close, slot_of
from schemas.kernels import kernel, leaf, prefetch
from schemas.ticks import TRADE, WATERMARK
from schemas.times import DAY_NS, END_OF_TIME_NS

AHEAD = 8
"""Rows to look ahead: about the time that memory takes."""

Ledger = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@leaf
def close_windows(state: State, layout: Records, row: int, horizon: int, offset: int, room: Room, ledger: Ledger) -> None:
    """Close a symbol's windows that ended by the horizon, oldest first, and note which is due next."""
    windows = state.windows[row]
    end, place, slot = next_to_close(layout, windows)
    while place >= 0 and end <= horizon:
        close_bar(room.bars[ledger[BARS]], windows[slot], end, place, state.codes[row], offset)
        ledger[BARS] += 1
        end, place, slot = next_to_close(layout, windows)
    state.due[row]["end"] = end


@leaf
def sweep(tick: np.void, state: State, layout: Records, settings: np.void, room: Room, ledger: Ledger) -> int:
    """Close what a partition's watermark has passed. Looks at its symbols only when one of their windows is due."""
    partition, watermark = tick["partition"], tick["watermark"]
    horizon = watermark if watermark == END_OF_TIME_NS else watermark - settings["quiet_after"]
    if horizon < state.least_end[partition]:
        return GO
    least = END_OF_TIME_NS
    for row in range(ledger[SYMBOL_COUNT]):
        due = state.due[row]
        if due["partition"] != partition:
            continue
        if due["end"] <= horizon and due["end"] != END_OF_TIME_NS:
            if room.bars.size - ledger[BARS] < state.windows.shape[1]:
                return NEEDS_ROOM
            close_windows(state, layout, row, horizon, tick["offset"], room, ledger)
            state.symbols[row]["horizon"] = max(state.symbols[row]["horizon"], horizon)
        least = min(least, due["end"])
    state.least_end[partition] = least
    return GO


@leaf
def fault_of(tick: np.void, allow_negative: int) -> int:
    """Why a tick cannot be used, or 0."""
    if tick["kind"] == TRADE:
        if not abs(tick["price"]) < np.inf:
            return NUMBER
        return NEGATIVE_PRICE if tick["price"] < 0.0 and allow_negative == 0 else 0
    if (tick["bid"] < 0.0 or tick["ask"] < 0.0) and allow_negative == 0:
        return NEGATIVE_PRICE
    return 0


@leaf
def reject(at: int, reason: int, end: int, horizon: int, room: Room, ledger: Ledger) -> None:
    """Note a tick that is applied nowhere."""
    rejected = room.rejects[ledger[REJECTS]]
    rejected["row"] = at
    rejected["end"] = end
    rejected["horizon"] = horizon
    rejected["reason"] = reason
    ledger[REJECTS] += 1
    ledger[LATES if reason == LATE else DEAD] += 1


@leaf
def move_symbol(due: np.void, partition: int, least_ends: npt.NDArray[np.int64], ledger: Ledger) -> None:
    """A symbol comes from another partition than before: its windows are that one's from now on."""
    if due["partition"] >= 0:
        ledger[MOVED] += 1
    due["partition"] = partition
    least_ends[partition] = min(least_ends[partition], due["end"])


@leaf
def fill_windows(tick: np.void, row: int, price: float, state: State, layout: Records) -> None:
    """Take a tick's price into its window of every interval."""
    time = tick["time"]
    traded = tick["kind"] == TRADE
    windows = state.windows[row]
    for place in range(layout.size):
        window = windows[slot_of(layout[place], time)]
        if window["start"] < 0:
            length = layout[place]["length"]
            start = time - time % length
            start_bar(window, start, time, price)
            due = state.due[row]
            due["end"] = min(due["end"], start + length)
            state.least_end[due["partition"]] = min(state.least_end[due["partition"]], start + length)
        elif traded and window["trade_count"] == 0:
            start_bar(window, window["start"], time, price)
        else:
            extend_bar(window, time, price)
        if traded:
            add_trade(window, price, tick["size"])


@leaf
def take_price(tick: np.void, symbol: np.void, state: State) -> tuple[bool, float]:
    """Mark a symbol by a tick: whether it is the latest of its kind, and the price that counts (NaN: none)."""
    if tick["kind"] == TRADE:
        if symbol["trade_time"] < 0:
            reset_volatility(symbol)
            if symbol["tape"] >= 0:
                reset_tape(state.tapes[symbol["tape"]])
            else:
                reset_recent(symbol)
        return mark_trade(symbol, tick), tick["price"]
    latest, mid = mark_quote(symbol, tick)
    return latest, (mid if symbol["trade_time"] < 0 else np.nan)


@leaf
def apply_tick(tick: np.void, row: int, state: State, layout: Records, settings: np.void, room: Room, ledger: Ledger) -> None:
    """A tick that is in time and whose windows' past is closed, through every idea."""
    symbol = state.symbols[row]
    pass_time(symbol, tick)
    if symbol["touched"] == 0:
        symbol["touched"] = 1
        room.touched[ledger[TOUCHED]] = row
        ledger[TOUCHED] += 1
    ledger[OUT] += 1
    latest, price = take_price(tick, symbol, state)
    if price != price:
        return
    fill_windows(tick, row, price, state, layout)
    if latest:
        add_price(symbol, price, tick["time"] // DAY_NS, settings["decay"])
    if symbol["tape"] >= 0:
        tape = state.tapes[symbol["tape"]]
        follow(tape, tick["time"], price, latest)
        if latest:
            ledger[EDGES] = judge_bands(state.bands, symbol["band"], tape, tick, room.edges, ledger[EDGES])
    else:
        remember(symbol, tick["time"], price, latest)


@leaf
def take_row(at: int, tick: np.void, state: State, layout: Records, settings: np.void, room: Room, ledger: Ledger) -> int:
    """One row of a frame: GO, or what it needs before it can be taken."""
    if tick["partition"] >= state.least_end.size:
        return NEEDS_PARTITION
    if tick["kind"] == WATERMARK:
        return sweep(tick, state, layout, settings, room, ledger)
    row = state.row_of[tick["symbol"]]
    if row < 0:
        return NEEDS_SYMBOL
    symbol, due = state.symbols[row], state.due[row]
    if room.bars.size - ledger[BARS] < state.windows.shape[1] or room.edges.size - ledger[EDGES] < symbol["bands"]:
        return NEEDS_ROOM
    fault = fault_of(tick, symbol["allow_negative"])
    if fault != 0:
        reject(at, fault, 0, 0, room, ledger)
        return GO
    time = tick["time"]
    horizon = horizon_of(symbol["horizon"], max(symbol["time"], time), settings["lateness"], tick["watermark"], settings["quiet_after"])
    if time < horizon and least_end(layout, time) <= horizon:
        reject(at, LATE, least_end(layout, time), horizon, room, ledger)
        return GO
    if due["end"] <= horizon:
        close_windows(state, layout, row, horizon, tick["offset"], room, ledger)
    symbol["horizon"] = horizon
    if due["partition"] != tick["partition"]:
        move_symbol(due, tick["partition"], state.least_end, ledger)
    apply_tick(tick, row, state, layout, settings, room, ledger)
    return GO


@leaf
def find_newcomers(rows: Records, at: int, row_of: npt.NDArray[np.int32], newcomers: npt.NDArray[np.int32]) -> int:
    """How many symbols of a frame have no row; which they are, in order of arrival, so that they are admitted at once."""
    count = 0
    for later in range(at, rows.size):
        code = rows[later]["symbol"]
        if code >= 0 and row_of[code] == -1:
            row_of[code] = -2  # noted; its row comes next
            newcomers[count] = code
            count += 1
    return count


@leaf
def look_ahead(rows: Records, at: int, state: State) -> None:
    """Fetch the state of a symbol that comes soon: with 100,000 symbols it lies in memory, not in a cache."""
    if at + AHEAD < rows.size and rows[at + AHEAD]["kind"] != WATERMARK:
        row = state.row_of[rows[at + AHEAD]["symbol"]]
        if row >= 0:
            prefetch(state.symbols, row)
            prefetch(state.windows, row)
            prefetch(state.due, row)


@kernel
def take_rows(
    rows: Records,
    at: int,
    layout: Records,
    settings: Records,
    symbols: Records,
    due: Records,
    windows: Records,
    codes: npt.NDArray[np.int32],
    row_of: npt.NDArray[np.int32],
    least_ends: npt.NDArray[np.int64],
    tapes: Records,
    bands: Records,
    bars: Records,
    marks: Records,
    touched: npt.NDArray[np.int32],
    edges: Records,
    rejects: Records,
    newcomers: npt.NDArray[np.int32],
    ledger: Ledger,
) -> tuple[int, int]:
    """Take the rows of a frame from ``at`` on: the row it stopped before, and why (GO: all are done, the marks are written)."""
    state = State(symbols, due, windows, codes, row_of, least_ends, tapes, bands)
    room = Room(bars, marks, touched, edges, rejects, newcomers)
    while at < rows.size:
        look_ahead(rows, at, state)
        needs = take_row(at, rows[at], state, layout, settings[0], room, ledger)
        if needs != GO:
            if needs == NEEDS_SYMBOL:
                ledger[NEWCOMERS] = find_newcomers(rows, at, row_of, newcomers)
            return at, needs
        at += 1
    for place in range(ledger[TOUCHED]):
        row = touched[place]
        write_mark(marks[place], symbols[row], codes[row])
        symbols[row]["touched"] = 0
    return at, GO
