"""What watching costs: 10,000 stops and 10,000 limits on 10,000 positions in 1,000 symbols, held against every tick.

::

    ticks ──► shards ──► first step of the risk flow ──► alerts, marks        (operators, one process)

Prices walk in whole cents, so that some stops fire and many trailing ones follow. Which fire, and at which price, is checked against a
plain recomputation from the prices. Measured is the CPU of the step: with nothing to watch, with the positions, with the limits too. Limits
are half of silence, which none keeps so long, half of volatility.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.answers import WrongAnswer
from benchmarks.options import Options
from benchmarks.progress import note
from benchmarks.rows import Row
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from operators.risk.symbols.step import LIMITS, SymbolsStep
from schemas.control import Control, Limit
from schemas.events import Event, Header, Place
from schemas.portfolio import PositionUpdate
from schemas.symbols import SHARDS, SYMBOLS, shard_of
from schemas.ticks import TRADE, Rows, empty_rows
from schemas.times import SECOND_NS, format_time

EVENTS = 4_000_000

_BATCH = 10_000
_START_NS = 1_767_364_200 * SECOND_NS
_BASE_CENTS = 10_000
_SEED = 7
_BUDGET_US = 0.3
_KINDS: tuple[Literal["stop_loss", "take_profit", "trailing_stop"], ...] = ("stop_loss", "take_profit", "trailing_stop")


@dataclass(frozen=True)
class Watched:
    """A data set: ``count`` positions, as many stops and as many limits, and a walk of prices.

    Attributes:
        codes: shape (events,): which symbol each tick is of.
        cents: shape (events,): its price.
    """

    count: int
    names: list[str]
    codes: npt.NDArray[np.int64]
    cents: npt.NDArray[np.int64]

    def positions(self) -> Iterator[Event[PositionUpdate]]:
        """Bought and sold at the price that the walk starts from."""
        for at in range(self.count):
            nothing, quantity = Decimal(0), Decimal(100 if at % 3 else -100)
            amounts = (quantity, Decimal(_BASE_CENTS) / 100, nothing, nothing, nothing)
            payload = PositionUpdate(*self.whose(at), *amounts, "USD", "average", (), 1)
            header = Header(f"P{at}", f"P{at}", "POSITION_UPDATE", 3, format_time(_START_NS), "benchmark")
            yield Event(header, payload, _START_NS, Place("portfolio.positions", 0, at))

    def whose(self, at: int) -> tuple[str, str]:
        """Account and symbol of a position."""
        return f"A{at // len(self.names):04d}", self.names[at % len(self.names)]

    def permille(self, at: int) -> int:
        """How far a stop lies from where its position was opened, or trails."""
        return 1 + at * 7 % 40

    def limits(self) -> Iterator[Control]:
        """The stops, then the limits."""
        for at in range(self.count):
            (account, symbol), kind, away = self.whose(at), _KINDS[at % 3], Decimal(self.permille(at)) / 1000
            is_below = (kind == "stop_loss") == bool(at % 3)
            price = Decimal(_BASE_CENTS) / 100 * (1 - away if is_below else 1 + away)
            threshold = away if kind == "trailing_stop" else price
            yield _control(Limit(f"S{at}", kind, "account+symbol", threshold, account, symbol))
        for at in range(self.count):
            account, symbol = self.whose(at)
            if at % 2:
                yield _control(Limit(f"L{at}", "stale_price", "account+symbol", Decimal(1), account, symbol, window="1s"))
            else:
                yield _control(Limit(f"L{at}", "volatility", "symbol", Decimal(1 + at % 37) / 2000, None, symbol))

    def expected(self) -> dict[str, float]:
        """Price (or volatility) at which each limit is first passed."""
        found: dict[str, float] = {}
        order = np.argsort(self.codes, kind="stable")
        ends = np.cumsum(np.bincount(self.codes, minlength=len(self.names)))
        paths = np.split(self.cents[order], ends[:-1])
        roots = [np.sqrt(np.cumsum(np.log(path[1:] / path[:-1]) ** 2)) for path in paths]
        for at in range(self.count):
            path, away, kind, sign = paths[at % len(self.names)], self.permille(at), _KINDS[at % 3], 1 if at % 3 else -1
            extreme = (
                np.maximum.accumulate(sign * np.concatenate([[_BASE_CENTS], path]))[1:] if kind == "trailing_stop" else sign * _BASE_CENTS
            )
            gain = 1000 * (sign * path - extreme)
            passed = gain > away * _BASE_CENTS if kind == "take_profit" else -gain > away * np.abs(extreme)
            if passed.any():
                found[f"S{at}"] = path[passed.argmax()] / 100
            if at % 2 == 0:
                root = roots[at % len(self.names)]
                above = root > (1 + at % 37) / 2000
                if above.any():
                    found[f"L{at}"] = float(root[above.argmax()])
        return found

    def frames(self) -> Iterator[Rows]:
        """The ticks, a million a second, in batches."""
        symbols = np.array([SYMBOLS.code(name) for name in self.names], np.int32)
        for first in range(0, len(self.codes), _BATCH):
            codes = self.codes[first : first + _BATCH]
            rows = empty_rows(len(codes))
            rows["kind"], rows["size"], rows["symbol"] = TRADE, 1.0, symbols[codes]
            rows["price"] = self.cents[first : first + _BATCH] / 100
            rows["time"] = _START_NS + (first + np.arange(len(codes))) * 1_000
            rows["offset"] = first + np.arange(len(codes))
            yield rows


def run(options: Options) -> Iterator[Row]:
    """A row for each thing that is added; the last has the budget."""
    events = options.count(EVENTS)
    watched = _watched(events, 1_000 if options.quick else 10_000, 100 if options.quick else 1_000)
    _measured(_watched(_BATCH, 10, 10), with_positions=True, with_limits=True)  # kernels are loaded when they are first called
    plain_us, _ = _measured(watched, with_positions=False, with_limits=False)
    yield Row("ticks alone", {"cpu_us_event": plain_us})
    held_us, _ = _measured(watched, with_positions=True, with_limits=False)
    yield Row(f"{watched.count} positions", {"cpu_us_event": held_us, "added_us_event": held_us - plain_us})
    all_us, said = _measured(watched, with_positions=True, with_limits=True)
    _check(watched, said)
    figures = {"cpu_us_event": all_us, "added_us_event": all_us - held_us, "alerts": float(len(said))}
    budget = {} if options.quick else {"added_us_event": _BUDGET_US}
    yield Row(f"{watched.count} stops and {watched.count} limits", figures, budget)


def _watched(events: int, count: int, symbols: int) -> Watched:
    chance = np.random.default_rng(_SEED)
    codes = chance.integers(0, symbols, events)
    moves, cents = chance.integers(-2, 3, events), np.empty(events, np.int64)
    for code in range(symbols):
        mine = codes == code
        cents[mine] = np.maximum(_BASE_CENTS + np.cumsum(moves[mine]), 100)
    return Watched(count, [f"W{code:04d}" for code in range(symbols)], codes, cents)


def _measured(watched: Watched, *, with_positions: bool, with_limits: bool) -> tuple[float, dict[str, float]]:
    """CPU of the step, us a tick, and what each limit said first."""
    note(f"{len(watched.codes)} ticks, {watched.count} positions: {with_positions}, limits: {with_limits}")
    steps = [SymbolsStep(shard, None) for shard in range(SHARDS)]
    for event in watched.positions() if with_positions else ():
        steps[shard_of(event.payload.symbol.encode())].process(event)
    for control in watched.limits() if with_limits else ():
        for step in steps:
            step.process(control)
    said: dict[str, float] = {}
    watermarks, spent_s = dict[int, int](), 0.0
    for rows in watched.frames():
        watermarks = fill_watermarks(rows, watermarks)
        frames = split(rows)
        began = time.process_time()
        outputs = [steps[shard].process(frame) for shard, frame in frames]
        spent_s += time.process_time() - began
        for alert in [alert for made in outputs if made is not None for alert in made.alerts]:
            said.setdefault(alert.payload.limit_id, alert.payload.value)
    return spent_s * 1e6 / len(watched.codes), said


def _check(watched: Watched, said: dict[str, float]) -> None:
    expected = watched.expected()
    if said.keys() != expected.keys():
        raise WrongAnswer(
            f"expected alerts of {len(expected)} limits, found those of {len(said)}: {sorted(said.keys() ^ expected.keys())[:5]}"
        )
    wrong = [(name, value, expected[name]) for name, value in said.items() if not np.isclose(value, expected[name], rtol=1e-9)]
    if wrong:
        raise WrongAnswer(f"expected each limit to be passed where the prices pass it; {len(wrong)} differ, such as {wrong[0]}")


def _control(limit: Limit) -> Control:
    return Control(LIMITS, limit.limit_id, limit, place=Place(LIMITS, 0, 0))
