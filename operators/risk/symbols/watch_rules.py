"""The rules of one symbol, each on one record, and the bounds within which none of them can change.

    stop_loss      a long fires when price < threshold, a short when price > threshold
    take_profit    the other way
    trailing_stop  a long fires when (extreme - price) / extreme > threshold, extreme = highest price since it was opened;
                   a short the other way, with the lowest
    stale_price    clock - time of the latest tick > window
    volatility     sqrt(sum of r**2 since the start of the UTC day) > threshold, clear below ``clear``; see operators/market/volatility.py

All strict, and exact in decimal: an excess of less than TOLERANCE of the larger side is none, far more than rounding makes of decimals and
far less than any price differs. The price is the last trade, else (no trade ever) the mark: of a long the bid, of a short the ask, else the
last bar's close.

**Rank.** How far a watch of silence or volatility has come is one number: 2n - 1 in its n-th breach, 2n after the n-th clear. What was
published before a crash is adopted as the rank ``said``. While what happened then is told again, edges up to it are no news; if it is told
otherwise, the first thing of a later time finds the watch where it was said to be, and is judged from there.

*Silence* is told at the very moment it is too long (``latest tick + window``, the value is the window), whenever that is noticed, so that
an alert is the same for all batches; where a limit or a position came later, at the clock of then. It ends with a tick that lies within
the window of the clock; its value is then that tick's age.
"""

from __future__ import annotations

import math

import numpy as np

from operators.market.bands import TOLERANCE
from operators.risk.symbols.watch_state import EDGES, STALE, TAKE_PROFIT, TRAILING_STOP, VOLATILITY, Ledger, Records
from schemas.kernels import leaf
from schemas.times import END_OF_TIME_NS, SECOND_NS

_WIDER = 1e-9
"""By which bounds of a variance are wider than its watches: its root is judged, not itself."""


@leaf
def rank_of(watch: np.void) -> int:
    """How far a watch has come."""
    rank: int = 2 * watch["episode"] - watch["breached"]
    return rank


@leaf
def catch_up(watch: np.void, time: int) -> None:
    """What is of a later time than all that was said comes after it."""
    if watch["said"] > rank_of(watch) and time > watch["said_time"]:
        watch["episode"] = (watch["said"] + 1) // 2
        watch["breached"] = watch["said"] % 2


@leaf
def note_edge(
    watches: Records, at: int, symbol: np.void, breach: int, value: float, time: int, place: int, edges: Records, ledger: Ledger
) -> None:
    """Pass a watch's edge, and if it is news write it down, with the latest tick as its cause."""
    watch = watches[at]
    watch["breached"] = breach
    watch["episode"] += breach
    if rank_of(watch) <= watch["said"]:
        return
    edge = edges[ledger[EDGES]]
    edge["value"] = value
    edge["time"] = time
    edge["offset"] = symbol["offset"]
    edge["episode"] = watch["episode"]
    edge["place"] = place
    edge["index"] = symbol["index"]
    edge["partition"] = symbol["partition"]
    edge["watch"] = at
    edge["breach"] = breach
    ledger[EDGES] += 1


@leaf
def prices_of(symbol: np.void) -> tuple[float, float]:
    """What stops of longs and of shorts are held against; NaN: unknown."""
    price = symbol["price"]
    if price == price:
        return price, price
    return symbol["long"], symbol["short"]


@leaf
def extreme_of(position: np.void, symbol: np.void) -> float:
    """The extreme of a position's price since it was opened; infinite: no price yet."""
    if position["sign"] > 0:
        highest: float = max(position["extreme"], symbol["highest"])
        return highest
    lowest: float = min(position["extreme"], symbol["lowest"])
    return lowest


@leaf
def note_extremes(symbol: np.void, long: float, short: float) -> None:
    """Take the present prices into a symbol's extremes, and draw the bounds of the stops that trail them along."""
    if long > symbol["highest"]:
        symbol["highest"] = long
        if symbol["long_trail"] < np.inf:
            symbol["long_low"] = max(symbol["long_low"], long - symbol["long_trail"] * abs(long))
    if short < symbol["lowest"]:
        symbol["lowest"] = short
        if symbol["short_trail"] < np.inf:
            symbol["short_high"] = min(symbol["short_high"], short + symbol["short_trail"] * abs(short))


@leaf
def judge_stop(
    watches: Records,
    at: int,
    positions: Records,
    symbol: np.void,
    long: float,
    short: float,
    time: int,
    place: int,
    edges: Records,
    ledger: Ledger,
) -> None:
    """Fire a stop, once, or narrow its side's bounds to it: it fires below a floor or above a ceiling."""
    watch = watches[at]
    if watch["breached"] != 0:
        return
    position = positions[watch["position"]]
    is_long = position["sign"] > 0
    price = long if is_long else short
    edge = scale = watch["threshold"]
    is_floor = is_long == (watch["kind"] != TAKE_PROFIT)
    low, high = -np.inf, np.inf
    if watch["kind"] == TRAILING_STOP:
        scale = extreme_of(position, symbol)
        edge = scale - watch["threshold"] * abs(scale) if is_long else scale + watch["threshold"] * abs(scale)
        if is_long and position["extreme"] <= symbol["highest"]:
            symbol["long_trail"] = min(symbol["long_trail"], watch["threshold"])
        elif not is_long and position["extreme"] >= symbol["lowest"]:
            symbol["short_trail"] = min(symbol["short_trail"], watch["threshold"])
        else:
            low = high = scale  # beyond it the extreme moves, from then on with the symbol's
    excess = edge - price if is_floor else price - edge
    if excess > TOLERANCE * max(abs(price), abs(scale)):
        note_edge(watches, at, symbol, 1, price, time, place, edges, ledger)
        return
    if is_floor:
        low = edge
    else:
        high = edge
    if is_long:
        symbol["long_low"] = max(symbol["long_low"], low)
        symbol["long_high"] = min(symbol["long_high"], high)
    else:
        symbol["short_low"] = max(symbol["short_low"], low)
        symbol["short_high"] = min(symbol["short_high"], high)


@leaf
def judge_volatility(watches: Records, at: int, symbol: np.void, place: int, edges: Records, ledger: Ledger) -> None:
    """Breach or clear a watch of volatility, and narrow the symbol's bounds to it. Before its first price nothing is judged."""
    watch, variance = watches[at], symbol["realized_variance"]
    catch_up(watch, symbol["time"])
    root = 0.0 if variance != variance else math.sqrt(variance)
    breached = watch["breached"] != 0
    excess = watch["clear"] - root if breached else root - watch["threshold"]
    is_known = symbol["return_price"] == symbol["return_price"]
    if is_known and excess > TOLERANCE * max(root, watch["threshold"]):
        breached = not breached
        note_edge(watches, at, symbol, 1 if breached else 0, root, symbol["time"], place, edges, ledger)
    if breached:
        symbol["variance_low"] = max(symbol["variance_low"], watch["clear"] ** 2 * (1.0 + _WIDER))
    else:
        symbol["variance_high"] = min(symbol["variance_high"], watch["threshold"] ** 2 * (1.0 - _WIDER))


@leaf
def judge_silence(watches: Records, symbol: np.void, clock: int, since_ns: int, place: int, edges: Records, ledger: Ledger) -> None:
    """Breach those watches of a symbol whose window is over by the clock, before a tick that may have come is taken.

    ``since_ns``: before that they watched otherwise; what was too long already is so from then on.
    """
    at = symbol["watch"]
    while at >= 0:
        watch = watches[at]
        if watch["kind"] == STALE and watch["breached"] == 0:
            if symbol["time"] < 0 and watch["base"] < 0:
                watch["base"] = clock
            since = symbol["time"] if symbol["time"] >= 0 else watch["base"]
            end = since + watch["window"]
            time = max(end, since_ns)
            if clock > end:
                catch_up(watch, time)
            if clock > end and watch["breached"] == 0:
                note_edge(watches, at, symbol, 1, watch["window"] / SECOND_NS, time, place, edges, ledger)
        at = watch["next"]


@leaf
def judge_return(watches: Records, at: int, symbol: np.void, clock: int, place: int, edges: Records, ledger: Ledger) -> None:
    """Clear a watch of silence whose symbol's latest tick is within the window of the clock, and note when it is due."""
    watch = watches[at]
    time = symbol["time"]
    catch_up(watch, clock)
    if watch["breached"] != 0 and time >= 0 and clock - time <= watch["window"]:
        note_edge(watches, at, symbol, 0, (clock - time) / SECOND_NS, clock, place, edges, ledger)
    if watch["breached"] != 0:
        symbol["silent"] += 1
    else:
        symbol["due"] = min(symbol["due"], (time if time >= 0 else watch["base"]) + watch["window"])


@leaf
def judge(watches: Records, positions: Records, symbol: np.void, clock: int, time: int, place: int, edges: Records, ledger: Ledger) -> None:
    """Hold a symbol's present values against each of its watches, and find its bounds anew. ``time``: of a stop that fires."""
    symbol["long_low"] = symbol["short_low"] = -np.inf
    symbol["long_high"] = symbol["short_high"] = np.inf
    symbol["long_trail"] = symbol["short_trail"] = np.inf
    symbol["variance_low"] = -1.0
    symbol["variance_high"] = np.inf
    symbol["due"] = END_OF_TIME_NS
    symbol["silent"] = 0
    long, short = prices_of(symbol)
    at = symbol["watch"]
    while at >= 0:
        kind = watches[at]["kind"]
        if watches[at]["said"] > rank_of(watches[at]):
            symbol["due"] = min(symbol["due"], watches[at]["said_time"])
        if kind == STALE:
            judge_return(watches, at, symbol, clock, place, edges, ledger)
        elif kind == VOLATILITY:
            judge_volatility(watches, at, symbol, place, edges, ledger)
        else:
            judge_stop(watches, at, positions, symbol, long, short, time, place, edges, ledger)
        at = watches[at]["next"]
