"""Cases of every indicator, by its name, and of the board that keeps them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from operators.contract import Case, Said
from operators.indicators.board import Indicators
from operators.indicators.flow_windows import FlowWindow
from operators.indicators.indicator import PriceBar
from operators.indicators.kinds import KINDS, Kind
from operators.indicators.names import parse_indicator
from operators.indicators.settings import IndicatorSettings
from schemas.market_frames import BAR, Bars
from schemas.symbols import SYMBOLS

MINUTE_NS = 60_000_000_000
OTHER = "OTHER"

SMALL = {
    "fast": 2,
    "slow": 4,
    "signal": 3,
    "k": 5,
    "d": 3,
    "smooth": 2,
    "step": 0.02,
    "max": 0.2,
    "multiplier": 1.5,
    "senkou": 8,
    OTHER: OTHER,
}
"""Arguments with which a short stream warms up; 5 where none is given."""


def named(name: str) -> str:
    """An indicator with small arguments: ``macd(2,4,3)``."""
    arguments = [str(SMALL.get(parameter.name, 5)) for parameter in KINDS[name].parameters]
    return f"{name}({','.join(arguments)})" if arguments else name


ALL = tuple(named(name) for name, kind in KINDS.items() if not kind.is_flow)


def prices(rng: random.Random, count: int) -> list[PriceBar]:
    """A random walk of bars with ties, stretches without a move, and days of several bars."""
    bars, close, step = [], 100.0, rng.choice([1, 0.25, 0.01])
    for at in range(count):
        opened, close = close, max(0.5, close + step * rng.choice([0, 0, 1, 2, -1, -2, rng.gauss(0, 3)]))
        high, low = max(opened, close) + step * rng.randrange(3), min(opened, close) - step * rng.randrange(3)
        start = at * 97 * MINUTE_NS
        bars.append(PriceBar(opened, high, low, close, float(rng.choice([0, 1, 250, 10_000])), start, start + MINUTE_NS))
    return bars


def bar_inputs(seed: int) -> Sequence[tuple[int, PriceBar]]:
    """Bars with their number."""
    rng = random.Random(seed)
    return list(enumerate(prices(rng, rng.randrange(1, 70))))


def _update(indicator: Any, bars: Sequence[tuple[int, PriceBar]], *, is_pair: bool) -> Said:
    """A pair takes the open for the other symbol's close."""
    return Said([(str(at), indicator.update(bar.close, bar.open) if is_pair else indicator.update(bar)) for at, bar in bars])


def _case(name: str, kind: Kind) -> Case:
    is_pair = any(parameter.kind is str for parameter in kind.parameters)
    text = named(name)
    return Case(make=lambda: parse_indicator(text).make(), inputs=bar_inputs, apply=lambda one, bars: _update(one, bars, is_pair=is_pair))


def row(symbol: str, bar: PriceBar, interval: int = 0) -> Bars:
    """Shape (1,): a bar as a column."""
    rows = np.zeros(1, BAR)
    for name in ("start", "end", "open", "high", "low", "close", "volume"):
        rows[name] = getattr(bar, name)
    rows["symbol"], rows["interval"] = SYMBOLS.code(symbol), interval
    return rows


FLOWS = ("ofi", "vpin(50,5)")

BoardInput = tuple[str, Any]
"""("bars" or "others", rows), ("flow", windows), or ("end", none)."""


def board_inputs(seed: int) -> Sequence[BoardInput]:
    """Two symbols in two intervals, and the one they are compared with: with repeats, holes, and before or after the others."""
    rng = random.Random(seed)
    events: list[tuple[float, BoardInput]] = []
    for symbol in ("AMZN", "MSFT", OTHER):
        for interval in (0, 1):
            for at, bar in enumerate(prices(rng, rng.randrange(1, 25))):
                kind = "others" if symbol == OTHER else "bars"
                events += [(at + rng.random() * 3 if kind == "others" else at, (kind, row(symbol, bar, interval)))] * rng.choice(
                    [0, 1, 1, 1, 2]
                )
                window = FlowWindow(symbol, ("1s", "1m")[interval], bar.end, (rng.choice([None, 1.5]), bar.close))
                events += [(at + rng.choice([-2, 0.5]), ("flow", [window]))] * rng.choice([0, 1, 1])
    return [*(event for _, event in sorted(events, key=lambda pair: pair[0])), ("end", np.zeros(0, BAR))]


def board_apply(board: Indicators, events: Sequence[BoardInput]) -> Said:
    """Bars that follow one another are one array."""
    said: list[Any] = []
    run: list[Bars] = []
    for kind, rows in [*events, ("flush", np.zeros(0, BAR))]:
        if kind == "bars":
            run.append(rows)
            continue
        if run:
            said += board.on_bars(np.concatenate(run))[0]
            run = []
        if kind == "flow":
            said += board.on_flow(rows)
        said += board.on_others(rows) if kind == "others" else board.on_end() if kind == "end" else []
    return Said([(f"{one.symbol}|{one.interval}|{one.bar.end}", msgspec.json.encode(one).decode()) for one in said])


def _made(name: str) -> type:
    return type(parse_indicator(named(name)).make())


CASES: dict[type, Case] = {
    **{_made(name): _case(name, kind) for name, kind in KINDS.items() if not kind.is_flow},
    Indicators: Case(make=lambda: Indicators(IndicatorSettings((*ALL, *FLOWS), ("1s", "1m"))), inputs=board_inputs, apply=board_apply),
}
