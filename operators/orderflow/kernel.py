"""The ticks of a frame into the windows of their symbols, event by event.

Windows open and close, and ticks are late, by the same rules as those of the market flow (``operators/market/windows.py``), so a window
here is over at the very row at which the market flow closes its bar.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.market.kernel import find_newcomers
from operators.market.windows import horizon_of, least_end, next_to_close, slot_of
from operators.orderflow.quotes import imbalance, is_whole, microprice, note_quote
from operators.orderflow.state import GO, NEEDS_PARTITION, NEEDS_ROOM, NEEDS_SYMBOL, NEWCOMERS, OUT, SYMBOL_COUNT, State
from operators.orderflow.volume import add_volume, share_bought
from schemas.kernels import kernel, leaf
from schemas.ticks import QUOTE, TRADE, WATERMARK
from schemas.times import END_OF_TIME_NS

Records = npt.NDArray[np.void]
Numbers = npt.NDArray[np.float64]
Ledger = npt.NDArray[np.int64]


@leaf
def close_windows(state: State, layout: Records, row: int, horizon: int, out: Records, out_levels: Numbers, ledger: Ledger) -> None:
    """Write out a symbol's windows that ended by the horizon, oldest first."""
    windows = state.windows[row]
    end, place, slot = next_to_close(layout, windows)
    while place >= 0 and end <= horizon:
        window, closed = windows[slot], out[ledger[OUT]]
        closed["end"] = end
        closed["imbalance"] = window["imbalance"] if state.symbols[row]["quote_time"] >= 0 else np.nan
        closed["microprice"] = window["microprice"]
        closed["symbol"] = state.codes[row]
        closed["interval"] = place
        for at in range(out_levels.shape[1]):
            out_levels[ledger[OUT], at] = state.levels[row, slot, at]
        ledger[OUT] += 1
        window["start"] = -1
        end, place, slot = next_to_close(layout, windows)
    state.due[row]["end"] = end


@leaf
def sweep(tick: np.void, state: State, layout: Records, settings: np.void, out: Records, out_levels: Numbers, ledger: Ledger) -> int:
    """Close what a partition's watermark has passed."""
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
            if out.size - ledger[OUT] < state.windows.shape[1]:
                return NEEDS_ROOM
            close_windows(state, layout, row, horizon, out, out_levels, ledger)
            state.symbols[row]["horizon"] = max(state.symbols[row]["horizon"], horizon)
        least = min(least, due["end"])
    state.least_end[partition] = least
    return GO


@leaf
def open_windows(tick: np.void, row: int, state: State, layout: Records) -> None:
    """See that a tick's window of every interval is open."""
    for place in range(layout.size):
        slot = slot_of(layout[place], tick["time"])
        window = state.windows[row][slot]
        if window["start"] < 0:
            length = layout[place]["length"]
            window["start"] = tick["time"] - tick["time"] % length
            window["quote_time"] = -1
            window["imbalance"] = 0.0
            window["microprice"] = np.nan
            for at in range(state.levels.shape[2]):
                state.levels[row, slot, at] = np.nan
            due = state.due[row]
            due["end"] = min(due["end"], window["start"] + length)
            state.least_end[due["partition"]] = min(state.least_end[due["partition"]], due["end"])


@leaf
def take_quote(tick: np.void, row: int, state: State, layout: Records) -> None:
    """A quote into the imbalance and the microprice of its windows."""
    symbol = state.symbols[row]
    if not is_whole(tick):
        return
    is_latest = tick["time"] >= symbol["quote_time"]
    change = imbalance(symbol, tick) if is_latest else 0.0
    price = microprice(tick)
    for place in range(layout.size):
        window = state.windows[row][slot_of(layout[place], tick["time"])]
        window["imbalance"] += change
        if tick["time"] >= window["quote_time"]:
            window["quote_time"] = tick["time"]
            window["microprice"] = price
    if is_latest:
        note_quote(symbol, tick)


@leaf
def take_trade(tick: np.void, row: int, state: State, layout: Records, vpins: Records) -> None:
    """A trade into the buckets of volume."""
    bought = share_bought(state.symbols[row], tick)
    for at in range(vpins.size):
        if 0.0 < tick["size"] < np.inf:
            add_volume(state.buckets[row][at], state.rings[row], vpins[at], tick["size"], bought)
        for place in range(layout.size):
            state.levels[row, slot_of(layout[place], tick["time"]), at] = state.buckets[row][at]["value"]


@leaf
def take_row(
    tick: np.void, state: State, layout: Records, vpins: Records, settings: np.void, out: Records, out_levels: Numbers, ledger: Ledger
) -> int:
    """One row of a frame: GO, or what it needs before it can be taken."""
    if tick["partition"] >= state.least_end.size:
        return NEEDS_PARTITION
    if tick["kind"] == WATERMARK:
        return sweep(tick, state, layout, settings, out, out_levels, ledger)
    row = state.row_of[tick["symbol"]]
    if row < 0:
        return NEEDS_SYMBOL
    if out.size - ledger[OUT] < state.windows.shape[1]:
        return NEEDS_ROOM
    if tick["kind"] == TRADE and not abs(tick["price"]) < np.inf:
        return GO
    symbol, due, time = state.symbols[row], state.due[row], tick["time"]
    horizon = horizon_of(symbol["horizon"], max(symbol["time"], time), settings["lateness"], tick["watermark"], settings["quiet_after"])
    if time < horizon and least_end(layout, time) <= horizon:
        return GO
    if due["end"] <= horizon:
        close_windows(state, layout, row, horizon, out, out_levels, ledger)
    symbol["horizon"] = horizon
    symbol["time"] = max(symbol["time"], time)
    if due["partition"] != tick["partition"]:
        due["partition"] = tick["partition"]
        state.least_end[tick["partition"]] = min(state.least_end[tick["partition"]], due["end"])
    open_windows(tick, row, state, layout)
    if tick["kind"] == QUOTE:
        take_quote(tick, row, state, layout)
    else:
        take_trade(tick, row, state, layout, vpins)
    return GO


@kernel
def take_rows(
    rows: Records,
    at: int,
    layout: Records,
    vpins: Records,
    settings: Records,
    symbols: Records,
    due: Records,
    windows: Records,
    levels: npt.NDArray[np.float64],
    buckets: Records,
    rings: Numbers,
    codes: npt.NDArray[np.int32],
    row_of: npt.NDArray[np.int32],
    least_ends: npt.NDArray[np.int64],
    out: Records,
    out_levels: Numbers,
    newcomers: npt.NDArray[np.int32],
    ledger: Ledger,
) -> tuple[int, int]:
    """Take the rows of a frame from ``at`` on: the row it stopped before, and why."""
    state = State(symbols, due, windows, levels, buckets, rings, codes, row_of, least_ends)
    while at < rows.size:
        needs = take_row(rows[at], state, layout, vpins, settings[0], out, out_levels, ledger)
        if needs == NEEDS_SYMBOL:
            ledger[NEWCOMERS] = find_newcomers(rows, at, row_of, newcomers)
        if needs != GO:
            return at, needs
        at += 1
    return at, GO
