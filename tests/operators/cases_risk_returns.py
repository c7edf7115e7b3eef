"""The Case of the windows of returns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from operators.contract import Case, Said
from operators.risk.statistics.returns import ReturnWindows
from schemas.market_frames import BAR, Bars
from schemas.symbols import SYMBOLS

SYMBOLS_OF_CASE = ("AMZN", "MSFT", "SPY", "QQQ")
SIZE = 5
MAX_SYMBOLS = 3


def make() -> ReturnWindows:
    """Small, so that windows and symbols run out."""
    return ReturnWindows("1m", ("1s", "1m"), SIZE, MAX_SYMBOLS)


def bar(symbol: str, end: int, close: float, interval: int = 1) -> Bars:
    """Shape (1,)."""
    row = np.zeros(1, BAR)
    row["symbol"], row["end"], row["close"], row["interval"] = SYMBOLS.code(symbol), end, close, interval
    return row


def return_inputs(seed: int) -> Sequence[Bars]:
    """Bars of symbols that come at their own pace: with holes, repeats, late ones, other intervals and closes that are none."""
    rng = random.Random(seed)
    events: list[tuple[float, Bars]] = [(99.0, bar("AMZN", 99 * 60, 100.0))]  # the last: no stream is empty
    for symbol in SYMBOLS_OF_CASE:
        lag, began = rng.choice([0, 0, 3, 30]), rng.randrange(8)
        for at in range(began, rng.randrange(1, 25)):
            close = rng.choice([100, 100, 101, 99.5, 250, rng.gauss(100, 5), rng.choice([0, -1, float("nan"), float("inf")])])
            row = bar(symbol, at * 60, close, rng.choice([1, 1, 1, 1, 0]))
            events += [(at + rng.random() * (lag + 1), row) for _ in range(rng.choice([0, 1, 1, 1, 2]))]
    return [row for _, row in sorted(events, key=lambda pair: pair[0])]


def shown(windows: ReturnWindows) -> str:
    """All that can be asked, as text: a NaN is not itself."""
    codes = [SYMBOLS.code(symbol) for symbol in SYMBOLS_OF_CASE]
    return repr((windows.ends.tolist(), windows.matrix(codes).tolist(), windows.left_out, windows.symbols))


def return_apply(windows: ReturnWindows, bars: Sequence[Bars]) -> Said:
    """One array."""
    if not bars:
        return Said()
    windows.on_bars(np.concatenate(bars))
    content = shown(windows)
    return Said(latest={"returns": (content, content)})


RETURN_CASES: dict[type, Case] = {ReturnWindows: Case(make=make, inputs=return_inputs, apply=return_apply)}


def sorted_fold(bars: Sequence[Any], size: int, symbols: Sequence[str]) -> tuple[list[int], dict[str, list[float]]]:
    """What the windows hold, said at length: of all bars at once, each symbol's with ascending ends."""
    taken: dict[str, dict[int, float]] = {}
    for row in bars:
        symbol, end, close = SYMBOLS.names[row["symbol"][0]], int(row["end"][0]), float(row["close"][0])
        own = taken.setdefault(symbol, {})
        if row["interval"][0] == 1 and np.isfinite(close) and end > max(own, default=-1):
            own[end] = close
    ends = sorted({end for own in taken.values() for end in own})[-size - 1 :]
    returns: dict[str, list[float]] = {}
    for symbol in symbols:
        own = taken.get(symbol, {})
        carried = [own[max(known)] if (known := [at for at in own if at <= end]) else float("nan") for end in ends]
        usable = [close if close > 0 else float("nan") for close in carried]
        returns[symbol] = [after / before - 1.0 for before, after in pairwise(usable)]
    return ends[1:], returns
