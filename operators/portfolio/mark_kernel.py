"""The kernel of marking: ticks change marks event by event, and at the end of a frame the positions of changed symbols are said.

What names a position's mark is the tick that gave the mark its value. So a row says the same whichever frames the ticks came in, and a tick
that moves neither side touches no position.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.market.marks import mark_quote, mark_trade, pass_time
from operators.portfolio.mark_state import CELL, CHANGED, CLOCK, GO, NEEDS_SYMBOL, ROWS, TICKS, Records
from schemas.kernels import kernel, leaf
from schemas.pnl_frames import OF_A_BAR, OF_NOTHING
from schemas.ticks import TRADE, WATERMARK
from schemas.times import END_OF_TIME_NS

SMALL = 32
"""A frame of at most so many ticks is said at once, whatever ``conflate`` is: nobody is behind."""

CALM = 64
"""After so many ticks within ``conflate`` the rest of it waits all the same, however small the frames are."""

HELD_SYMBOL, HELD_ROW, HELD_PLACE, HELD_VERSION, HELD_TIME, HELD_OFFSET, HELD_ACCOUNT, HELD_CURRENCY, HELD_REASON, HELD_INVERSE = range(10)
"""Columns of holdings as ``put_holdings`` takes them: codes, the symbol's row, the place among its positions (NO_PLACE: not open), ..."""

NO_PLACE, STALE = -1, -2
NEVER_NS = -(2**62)
"""No tick has that time."""

Ledger = npt.NDArray[np.int64]


@leaf
def unrealized_of(quantity: float, average: float, multiplier: float, inverse: int, mark: float) -> float:
    """What closing at the mark would gain: ``(mark - average) * q * m``, inverse ``(1 / average - 1 / mark) * q * m``; NaN: unknown."""
    # Plus 0.0, which makes 0.0 of -0.0.
    if quantity == 0.0:
        return 0.0
    if inverse == 0:
        return (mark - average) * quantity * multiplier + 0.0
    if not (mark > 0.0 and average > 0.0):
        return np.nan
    return (1.0 / average - 1.0 / mark) * quantity * multiplier + 0.0


@leaf
def exposure_of(quantity: float, multiplier: float, inverse: int, mark: float) -> float:
    """What it is worth at the mark, signed: ``q * m * mark``, inverse ``q * m / mark``; NaN: unknown."""
    if quantity == 0.0:
        return 0.0
    if inverse == 0:
        return mark * quantity * multiplier
    return quantity * multiplier / mark if mark > 0.0 else np.nan


@leaf
def is_refused(tick: np.void, allow_negative: int) -> bool:
    """Whether a tick cannot be used; the market flow says so."""
    if tick["kind"] == TRADE:
        return not abs(tick["price"]) < np.inf or (tick["price"] < 0.0 and allow_negative == 0)
    return (tick["bid"] < 0.0 or tick["ask"] < 0.0) and allow_negative == 0


@leaf
def choose_marks(symbol: np.void, time: int, repeat: int) -> bool:
    """Mark longs and shorts anew because of the tick (or the bar: OF_A_BAR) of that name; whether either changed."""
    price = symbol["price"]
    of_bar = price != price
    if of_bar:
        price = symbol["close"]
    bid, ask = symbol["bid"], symbol["ask"]
    long = bid if bid == bid else price
    short = ask if ask == ask else price
    changed = False
    if long == long and (long != symbol["long"] or (symbol["long_repeat"] == OF_A_BAR and (bid == bid or not of_bar))):
        symbol["long"] = long
        symbol["long_time"] = time
        symbol["long_repeat"] = repeat
        changed = True
    if short == short and (short != symbol["short"] or (symbol["short_repeat"] == OF_A_BAR and (ask == ask or not of_bar))):
        symbol["short"] = short
        symbol["short_time"] = time
        symbol["short_repeat"] = repeat
        changed = True
    return changed


@leaf
def take_close(symbol: np.void, close: float, end: int) -> bool:
    """Take a bar: the latest close marks where there is neither quote nor trade; whether a mark changed."""
    if end <= symbol["close_end"] or close != close:
        return False
    symbol["close"] = close
    symbol["close_end"] = end
    return bool(choose_marks(symbol, end, OF_A_BAR))


@leaf
def note_change(symbols: Records, row: int, changed: npt.NDArray[np.int32], ledger: Ledger) -> None:
    """Remember that a symbol's positions are to be said. One without positions has none."""
    symbol = symbols[row]
    if symbol["changed"] == 0 and symbol["count"] > 0:
        symbol["changed"] = 1
        changed[ledger[CHANGED]] = row
        ledger[CHANGED] += 1


@leaf
def mark_of(symbol: np.void, quantity: float, since: int) -> tuple[float, int, int]:
    """What a quantity is marked at, with the time and repeat that name it; NaN: nothing is known, or there is nothing to mark."""
    if quantity > 0.0 and symbol["long"] == symbol["long"]:
        return symbol["long"], symbol["long_time"], symbol["long_repeat"]
    if quantity < 0.0 and symbol["short"] == symbol["short"]:
        return symbol["short"], symbol["short_time"], symbol["short_repeat"]
    return np.nan, since, OF_NOTHING


@leaf
def say_position(symbol: np.void, code: int, position: np.void, offset: int, row: np.void) -> bool:
    """Write a position at its mark; False: at that mark it was said already."""
    quantity = position["quantity"]
    mark, time, repeat = mark_of(symbol, quantity, position["since"])
    if time == position["said_time"] and repeat == position["said_repeat"]:
        return False
    position["said_time"] = time
    position["said_repeat"] = repeat
    multiplier, inverse = position["multiplier"], position["inverse"]
    row["quantity"] = quantity
    row["average"] = position["average"]
    row["mark"] = mark
    row["unrealized"] = unrealized_of(quantity, position["average"], multiplier, inverse, mark)
    row["realized"] = position["realized"]
    row["exposure"] = exposure_of(quantity, multiplier, inverse, mark)
    row["version"] = position["version"]
    row["mark_time"] = time
    row["time"] = max(time, position["since"])
    row["offset"] = offset
    row["repeat"] = repeat
    row["account"] = position["account"]
    row["symbol"] = code
    row["currency"] = position["currency"]
    row["reason"] = position["reason"]
    return True


@kernel
def put_holdings(
    holdings: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.float64],
    symbols: Records,
    pool: Records,
    spare: Records,
    out: Records,
    ledger: Ledger,
) -> None:
    """Write holdings (columns ``HELD_...``) to their places in the pool, and say each at its mark.

    One whose version is known already loses its place (STALE). One without a place is said all the same.

    Args:
        numbers: shape (n, 4): quantity, average price, multiplier, realised P&L; NaN: unknown.
        spare: one record, for those without a place.
    """
    count = 0
    for at in range(len(holdings)):
        held = holdings[at]
        symbol = symbols[held[HELD_ROW]]
        is_open = held[HELD_PLACE] >= 0
        position = pool[symbol["first"] + held[HELD_PLACE]] if is_open else spare[0]
        if is_open and position["version"] >= held[HELD_VERSION]:
            held[HELD_PLACE] = STALE
            continue
        position["quantity"] = numbers[at, 0]
        position["average"] = numbers[at, 1]
        position["multiplier"] = numbers[at, 2]
        position["realized"] = numbers[at, 3]
        position["version"] = held[HELD_VERSION]
        position["since"] = held[HELD_TIME]
        position["said_time"] = NEVER_NS
        position["account"] = held[HELD_ACCOUNT]
        position["currency"] = held[HELD_CURRENCY]
        position["reason"] = held[HELD_REASON]
        position["inverse"] = held[HELD_INVERSE]
        if say_position(symbol, held[HELD_SYMBOL], position, held[HELD_OFFSET], out[count]):
            count += 1
    ledger[ROWS] = count


@leaf
def say_changed(
    symbols: Records, codes: npt.NDArray[np.int32], pool: Records, changed: npt.NDArray[np.int32], out: Records, ledger: Ledger
) -> None:
    """Say the open positions of all symbols whose marks changed."""
    count = ledger[ROWS]
    for place in range(ledger[CHANGED]):
        row = changed[place]
        symbol = symbols[row]
        symbol["changed"] = 0
        for at in range(symbol["first"], symbol["first"] + symbol["count"]):
            if say_position(symbol, codes[row], pool[at], symbol["offset"], out[count]):
                count += 1
    ledger[ROWS] = count
    ledger[CHANGED] = 0


@leaf
def is_due(conflate: int, ticks: int, ledger: Ledger) -> bool:
    """Whether what changed is to be said now; notes that it was."""
    if conflate <= 0:
        return True
    cell = ledger[CLOCK] // conflate
    if cell != ledger[CELL] or ledger[CLOCK] == END_OF_TIME_NS:
        ledger[CELL] = cell
        ledger[TICKS] = 0
        return True
    ledger[TICKS] += ticks
    return ticks == 0 or (ticks <= SMALL and ledger[TICKS] <= CALM)


@kernel
def take_ticks(
    rows: Records,
    at: int,
    conflate: int,
    symbols: Records,
    codes: npt.NDArray[np.int32],
    row_of: npt.NDArray[np.int32],
    pool: Records,
    changed: npt.NDArray[np.int32],
    out: Records,
    ledger: Ledger,
) -> tuple[int, int]:
    """Take the rows of a frame from ``at`` on: the row it stopped before, and why (GO: all are done). ``out`` holds every position.

    What waits is said when the clock goes on, and when a partition's clock leaves the frame's ticks behind: silence may follow.
    """
    ticks, latest = 0, 0
    while at < rows.size:
        tick = rows[at]
        ledger[CLOCK] = max(ledger[CLOCK], tick["watermark"])
        if tick["kind"] == WATERMARK:
            if tick["watermark"] - latest >= conflate:
                ticks = 0
        else:
            ticks += 1
            latest = max(latest, tick["time"])
            row = row_of[tick["symbol"]]
            if row < 0:
                return at, NEEDS_SYMBOL
            symbol = symbols[row]
            if not is_refused(tick, symbol["allow_negative"]):
                pass_time(symbol, tick)
                if tick["kind"] == TRADE:
                    mark_trade(symbol, tick)
                else:
                    mark_quote(symbol, tick)
                if choose_marks(symbol, symbol["time"], symbol["repeat"]):
                    note_change(symbols, row, changed, ledger)
        at += 1
    if is_due(conflate, ticks, ledger):
        say_changed(symbols, codes, pool, changed, out, ledger)
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
    """Take bars, by the row of their symbol."""
    for at in range(rows.size):
        symbol = symbols[rows[at]]
        if take_close(symbol, closes[at], ends[at]):
            symbol["offset"] = offsets[at]
            note_change(symbols, rows[at], changed, ledger)


@kernel
def say(
    conflate: int,
    symbols: Records,
    codes: npt.NDArray[np.int32],
    pool: Records,
    changed: npt.NDArray[np.int32],
    out: Records,
    ledger: Ledger,
) -> None:
    """Say what changed, if it is due."""
    if is_due(conflate, 0, ledger):
        say_changed(symbols, codes, pool, changed, out, ledger)
