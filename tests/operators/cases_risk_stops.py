"""A Case for the watches of a shard of symbols: of few prices and positions, so that stops fire and positions flip all the time."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.contract import Case, Said
from operators.risk.symbols.symbol_risk import Made, SymbolRisk
from schemas.control import Action, Control, Instrument, Limit
from schemas.events import Event, Header, Place
from schemas.market_frames import BAR
from schemas.portfolio import PositionUpdate
from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, WATERMARK, Rows, TickFrame
from schemas.times import format_time
from tests.operators.cases_marking import START, bar, random_tick, tick

NAMES = ("AMZN", "EURUSD", "quiet")
OWNERS = ("A", "B")
LIMITS = ("one", "two", "three", "é|")
SCOPES = ("firm", "account", "symbol", "account+symbol")


def position(
    account: str, symbol: str, version: int, quantity: object, price: object = None, time_ns: int = START
) -> Event[PositionUpdate]:
    """A version of a position whose unnamed values are the plainest there are."""
    average = None if price is None else Decimal(str(price))
    nothing = Decimal(0)
    amounts = (Decimal(str(quantity)), average, nothing, nothing, nothing)
    payload = PositionUpdate(account, symbol, *amounts, "USD", "average", (), version)
    header = Header(f"p{account}{symbol}{version}", f"order of {account}", "POSITION_UPDATE", 3, format_time(time_ns), "portfolio")
    return Event(header, payload, time_ns, Place("portfolio.positions", 0, version))


def limit(limit_id: str, rule: Any, threshold: object, scope: Any = "account+symbol", time_ns: int = 0, **more: Any) -> Control:
    """A limit as it comes; of account A and AMZN unless others are named."""
    whom = {"account": "A" if "account" in scope else None, "symbol": "AMZN" if "symbol" in scope else None}
    payload = Limit(limit_id, rule, scope, Decimal(str(threshold)), **{**whom, **more})
    return Control("control.limits", limit_id, payload, time_ns, "", Place("control.limits", 0, 1))


def ended(limit_id: str) -> Control:
    """A limit is deleted."""
    return Control("control.limits", limit_id, None)


def split(symbol: str, ratio: object, time_ns: int = 0) -> Control:
    """A split."""
    action = Action("split", symbol, Decimal(str(ratio)))
    return Control("control.actions", f"split {symbol} {time_ns}", action, time_ns, f"split {symbol} {time_ns}")


def random_limit(rng: random.Random, now: int) -> Control:
    """Of any rule and scope, sometimes disabled."""
    rule, scope = (
        rng.choice(["stop_loss", "take_profit", "trailing_stop", "trailing_stop", "stale_price", "volatility"]),
        rng.choice(SCOPES),
    )
    threshold: object = rng.choice(["99", "99.5", "100", "100.5"])
    if rule == "volatility":
        scope, threshold = "symbol", rng.choice(["0.001", "0.01", "0.02"])
    elif rule == "trailing_stop":
        threshold = rng.choice(["0.005", "0.01", "0.02"])
    more = {
        "account": rng.choice(OWNERS) if "account" in scope else None,
        "symbol": rng.choice(NAMES) if "symbol" in scope else None,
        "window": rng.choice(["1s", "1500ms", None]),
        "enabled": rng.random() < 0.85,
        "on_trigger": rng.choice(["alert", "close"]),
    }
    return limit(rng.choice(LIMITS), rule, threshold, scope, rng.choice([0, now]), **more)


def stop_inputs(seed: int) -> Sequence[Any]:
    """Ticks of one partition with positions, limits, bars, splits and instruments among them."""
    rng = random.Random(seed)
    now, versions, events = START, dict.fromkeys(((a, s) for a in OWNERS for s in NAMES), 0), list[Any]()
    for number in range(rng.choice([1, 20, 60, 200])):
        now += rng.choice([0, 1, 10**6, 10**8, 10**9, 2 * 10**9])
        kind = rng.random()
        if kind < 0.15:
            account, symbol = rng.choice(list(versions))
            versions[account, symbol] += rng.choice([0, 1, 1, 1, 2])
            quantity = rng.choice([0, 10, -10, 5, "-2.5"])
            price = rng.choice([100, "99.5", 101, None]) if quantity else None
            events.append(position(account, symbol, max(versions[account, symbol], 1), quantity, price, now))
        elif kind < 0.27:
            events.append(random_limit(rng, now))
        elif kind < 0.30:
            events.append(ended(rng.choice(LIMITS)))
        elif kind < 0.34:
            events.append(bar(rng.choice(NAMES), now // 10**9 * 10**9, rng.choice([98.0, 100.0, 101.0])))
        elif kind < 0.36:
            events.append(split(rng.choice(NAMES), rng.choice(["2", "0.5", "3"]), rng.choice([0, now, now + 10**9, now + number])))
        elif kind < 0.38:
            events.append(Instrument(rng.choice(NAMES), allow_negative=rng.random() < 0.5))
        elif kind < 0.45:
            events.append(tick(None, now))
        else:
            events.append(random_tick(rng, now - rng.choice([0, 0, 0, 10**6]), NAMES))
    clock = 0
    for at, event in enumerate(events):
        if isinstance(event, np.ndarray) and event.dtype != BAR:
            clock = max(clock, int(event["time"][0]))
            event["watermark"], event["offset"] = clock, at
    return events


def as_frame(run: Sequence[Rows]) -> TickFrame:
    """Rows as a shard gets them: ticks, then the watermark of their partition."""
    rows = np.concatenate(run)
    last = rows[-1:].copy()
    last["kind"], last["symbol"], last["time"] = WATERMARK, NO_SYMBOL, last["watermark"]
    return TickFrame(np.concatenate([rows[rows["kind"] != WATERMARK], last]))


def give(risk: SymbolRisk, event: Any) -> Made | None:
    """One event that is no tick."""
    if isinstance(event, Instrument):
        risk.on_instrument(event.symbol, event)
        return None
    if isinstance(event, Event):
        return risk.on_position(event)
    if isinstance(event, Control):
        return risk.on_limit(event) if event.topic == "control.limits" else risk.on_action(event)
    return risk.on_bars(event)


def stop_apply(risk: SymbolRisk, events: Sequence[Any]) -> Said:
    """Runs of ticks are frames."""
    said, run = Said(), list[Rows]()
    for event in [*events, None]:
        if isinstance(event, np.ndarray) and event.dtype != BAR:
            run.append(event)
            continue
        if run:
            read_made(risk.on_frame(as_frame(run)), said)
            run = []
        made = None if event is None else give(risk, event)
        if made is not None:
            read_made(made, said)
    return said


def read_made(made: Made, said: Said) -> None:
    """Alerts and orders are decisions; of marks the last of each symbol counts."""
    events: list[Event[Any]] = [*made.alerts, *made.commands]
    for event in events:
        said.decisions.append((event.header.event_id, msgspec.json.encode(event.envelope).decode()))
    for row in made.marks:
        symbol, values = SYMBOLS.names[row["symbol"]], tuple(None if math.isnan(value) else value for value in row.item()[:4])
        said.latest[symbol] = (f"{symbol}|{values}", values)


CASES: dict[type, Case] = {SymbolRisk: Case(make=SymbolRisk, inputs=stop_inputs, apply=stop_apply)}
