"""Cases of the operators of risk."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.contract import Case, Said
from operators.risk.accounts.accounts import AccountRisk
from operators.risk.accounts.step import AccountsRiskStep
from operators.risk.edges import Cause
from operators.risk.episodes import STOPS, Episodes
from operators.risk.firm.firm import FirmRisk
from operators.risk.firm.step import FirmRiskStep, Orders
from operators.risk.keys import FIRM, Key
from operators.risk.settings import RiskFlowSettings
from operators.risk.statistics.portfolio import RiskSettings
from schemas.control import Control, Instrument, Limit, Trading
from schemas.events import Event, Header, Place, Watermark
from schemas.holdings import Rate
from schemas.market_frames import BAR
from schemas.orders import OrderUpdate, Status
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk_frames import SYMBOL_MARK, SymbolMarks
from schemas.symbols import SYMBOLS
from schemas.times import END_OF_TIME_NS

KEYS = [FIRM, Key("A"), Key("B"), Key("A", "X"), Key(None, "X")]

LIMITS = [
    Limit("one", "gross_exposure", "account", Decimal(100), account="A"),
    Limit("one", "gross_exposure", "firm", Decimal(80), clear=Decimal(20)),
    Limit("one", "gross_exposure", "firm", Decimal(80), enabled=False),
    Limit("one", "margin_cushion", "account", Decimal(50), account="A"),
    Limit("two", "position", "account+symbol", Decimal("95.5"), account="A", symbol="X"),
    Limit("two", "take_profit", "symbol", Decimal(90), symbol="X"),
    Limit("two", "position", "symbol", Decimal(10), symbol="X"),
]


def says(alert: Event[Any] | None) -> list[tuple[str, Any]]:
    return [(alert.header.event_id, msgspec.json.encode(alert.envelope).decode())] if alert else []


def episode_inputs(seed: int) -> Sequence[Any]:
    """Values of a random walk, and limits that are set, changed, deleted."""
    rng, value, inputs = random.Random(seed), 50, list[Callable[[Episodes], list[tuple[str, Any]]]]()
    for at in range(rng.choice([5, 60])):
        cause = Cause(at, f"cause-{at}", Place("market.ticks", 0, at))
        value += rng.randrange(-60, 61)
        what = rng.randrange(8)
        if what == 0:
            limit = rng.choice(LIMITS)
            inputs.append(_put(limit.limit_id, limit if rng.random() < 0.8 else None, cause))
        elif what == 1:
            inputs.append(_rearm(rng.choice(KEYS), at))
        else:
            number = Decimal(value) if rng.random() < 0.5 else float(value)
            inputs.append(_judge(rng.choice(KEYS), None if rng.random() < 0.1 else number, cause))
    return [_put("one", LIMITS[0], Cause(0, "first", Place("", 0, 0))), *inputs]


def _put(limit_id: str, limit: Limit | None, cause: Cause) -> Callable[[Episodes], list[tuple[str, Any]]]:
    return lambda episodes: [said for alert in episodes.put(limit_id, limit, cause) for said in says(alert)]


def _rearm(key: Key, time_ns: int) -> Callable[[Episodes], list[tuple[str, Any]]]:
    def rearm(episodes: Episodes) -> list[tuple[str, Any]]:
        for limit_id, limit in episodes.limits.items():
            if limit.rule in STOPS:
                episodes.rearm(limit_id, key, time_ns)
        return []

    return rearm


def _judge(key: Key, value: Decimal | float | None, cause: Cause) -> Callable[[Episodes], list[tuple[str, Any]]]:
    def judge(episodes: Episodes) -> list[tuple[str, Any]]:
        said = []
        for limit_id, limit in episodes.limits.items():
            if limit.rule in STOPS:
                edge = episodes.fire(limit_id, key, value or 0, cause) if value and value > limit.threshold else None
            else:
                edge = episodes.judge(limit_id, key, value, cause)
            said += says(edge.alert) if edge else []
        return said

    return judge


def apply_in_turn(operator: Any, inputs: Sequence[Any]) -> Said:
    said = Said()
    for one in inputs:
        said.decisions += one(operator)
    return said


SYMBOLS_HELD = ["X", "Y", "EURUSD"]

RISK_LIMITS = [
    Limit("one", "gross_exposure", "account", Decimal(1500), account="A"),
    Limit("one", "gross_exposure", "firm", Decimal(2500)),
    Limit("one", "margin_cushion", "account", Decimal("0.5"), account="A", on_breach="halt"),
    Limit("two", "position", "account", Decimal(20), account="B"),
    Limit("two", "concentration", "account+symbol", Decimal("0.5"), account="A", symbol="X"),
    Limit("two", "position", "symbol", Decimal(30), symbol="X", on_breach="halt"),
    Limit("three", "drawdown", "account", Decimal("0.1"), account="A"),
    Limit("three", "net_exposure", "symbol", Decimal(700), symbol="Y"),
    Limit("four", "order_rate", "account", Decimal(2), account="A", window="3ms"),
    Limit("four", "daily_notional", "firm", Decimal(900)),
    Limit("five", "var_historical", "account", Decimal("0.01"), account="B"),
    Limit("five", "volatility", "firm", Decimal("0.05")),
]

SETTINGS = RiskFlowSettings(window=5, numbers=RiskSettings(confidence=0.9), beta_symbol="Y", conflate_ns=5_000_000, small=0)
MS = 1_000_000


def header(event_id: str, at: int) -> Header:
    return Header(event_id, event_id, "", 3, at * MS, "test")


def position_event(rng: random.Random, at: int, versions: dict[tuple[str, str], int]) -> Event[PositionUpdate]:
    account, symbol = rng.choice("AB"), rng.choice(SYMBOLS_HELD)
    version = versions[account, symbol] = versions.get((account, symbol), 0) + 1
    quantity = Decimal(rng.choice([-30, -7, 0, 5, 12, 25, 40]))
    payload = PositionUpdate(
        account, symbol, quantity, None, None, None, Decimal(0), "EUR" if symbol == "Y" else "USD", "average", (), version
    )
    return Event(header(f"position|{at}", at), payload, at * MS, Place("orders.events", 0, at))


def balance_event(rng: random.Random, at: int) -> Event[BalanceUpdate]:
    equity, account = rng.choice([None, -5.0, 800.0, 950.0, 1000.0]), rng.choice("AB")
    gains = (None if equity is None else equity - 1000.0, 0.0)
    payload = BalanceUpdate(account, "USD" if account == "A" else "EUR", Decimal(0), equity, *gains, gains[0], None, None, 1000.0)
    return Event(header(f"balance|{at}", at), payload, at * MS, Place("market.ticks", 0, at))


def order_event(rng: random.Random, at: int) -> Event[OrderUpdate]:
    price = rng.choice([None, Decimal(10)])
    place = OrderUpdate(
        *(str(rng.randrange(12)), rng.choice("AB"), "X", "buy", Status.NEW, "limit", price, None, None, Decimal(rng.choice([1, 30]))),
        *(Decimal(0), Decimal(1), None, None, None, None, None, None, None, 1),
    )
    return Event(header(f"order|{at}", at), place, at * MS, Place("orders.events", 0, at))


def marks(rng: random.Random, at: int) -> Any:
    rows = np.zeros(rng.randrange(1, 4), SYMBOL_MARK)
    names = rng.sample(SYMBOLS_HELD, len(rows))
    rows["symbol"] = [SYMBOLS.code(name) for name in names]
    rows["long"] = [rng.choice([9.0, 20.0, 50.0, math.nan]) for _ in names]
    rows["short"] = rows["long"] + 1.0
    rows["last"], rows["time"], rows["offset"] = rows["long"], at * MS, at
    return rows


def bars(rng: random.Random, at: int) -> Any:
    rows = np.zeros(rng.randrange(1, 3), BAR)
    rows["symbol"] = [SYMBOLS.code(name) for name in rng.sample(SYMBOLS_HELD, len(rows))]
    rows["close"] = [rng.choice([10.0, 11.0, 12.5]) for _ in rows]
    rows["end"], rows["offset"], rows["interval"] = at * MS, at, rng.choice([0, 1, -1])
    return rows


def risk_control(rng: random.Random, at: int) -> Control:
    place = Place("control.limits", 0, at)
    what = rng.randrange(6)
    if what == 0:
        instrument = Instrument("X", multiplier=Decimal(rng.choice([1, 2])), initial_margin=Decimal("0.5"))
        return Control("control.instruments", "X", instrument if rng.random() < 0.7 else None, at * MS, f"control-{at}", place)
    if what == 1:
        state = Trading("account", rng.choice(["ACTIVE", "HALTED"]), "A")
        return Control("control.trading", "", state, at * MS, f"control-{at}", place)
    limit = rng.choice(RISK_LIMITS)
    return Control("control.limits", limit.limit_id, limit if rng.random() < 0.85 else None, at * MS, f"control-{at}", place)


def risk_inputs(seed: int) -> Sequence[Any]:
    """What an account's stage hears, in an order of time; the end of time last, so that what waited is said."""
    rng = random.Random(seed)
    versions: dict[tuple[str, str], int] = {}
    rate = [Rate("EUR", "USD", Decimal("1.25"), 0, Place("market.ticks", 0, 0))] if rng.random() < 0.7 else []
    makers = (
        lambda at: position_event(rng, at, versions),
        lambda at: balance_event(rng, at),
        lambda at: order_event(rng, at),
        lambda at: SymbolMarks(marks(rng, at)),
        lambda at: bars(rng, at),
        lambda at: risk_control(rng, at),
    )
    first = [Control("control.limits", limit.limit_id, limit, place=Place("control.limits", 1, at)) for at, limit in enumerate(RISK_LIMITS)]
    inputs = first[:10:2] + [rng.choice(makers)(at) for at in range(1, rng.choice([8, 40]))]
    return [*rate, *inputs, Watermark(END_OF_TIME_NS)]


def apply_step(step: Any, inputs: Sequence[Any]) -> Said:
    """One input after the other: what many together would make may differ, for exposures are evaluated at the end of each."""
    said = Said()
    for one in inputs:
        made = step.process(one)
        for part in ("alerts", "trading", "audit"):
            said.decisions += [pair for event in getattr(made, part, []) for pair in says(event)]
        for event in getattr(made, "exposure", []):
            said.latest[event.header.event_type + str(event.payload.account)] = says(event)[0]
        for at, order in enumerate(getattr(made, "orders", [])):
            said.decisions.append((f"order|{order.cause.correlation_id}|{at}", repr(order)))
    return said


def firm_inputs(seed: int) -> Sequence[Any]:
    """As an account's, but orders come from the accounts' stage."""
    accounts = _unsharded()
    made = [(one, accounts.process(one)) for one in risk_inputs(seed)]
    inputs = [[one] if not isinstance(one, Event) or not isinstance(one.payload, OrderUpdate) else [] for one, _ in made]
    orders = [[Orders(made_of.orders)] if made_of is not None and made_of.orders else [] for _, made_of in made]
    return [one for pair in zip(inputs, orders, strict=True) for part in pair for one in part]


def _unsharded() -> AccountsRiskStep:
    """All accounts as of one shard."""
    step = AccountsRiskStep(SETTINGS, 0, None)
    step._risk = AccountRisk(SETTINGS)
    return step


class _Hosted:
    """An operator with its step's way of taking inputs."""

    def __init__(self, step: Any) -> None:
        self.step = step
        self.snapshot = step.snapshot
        self.restore = step._risk.restore

    def process(self, one: Any) -> Any:
        return self.step.process(one)


CASES: dict[type, Case] = {
    Episodes: Case(make=lambda: Episodes(lambda limit: limit.rule != "price_band"), inputs=episode_inputs, apply=apply_in_turn),
    AccountRisk: Case(make=lambda: _Hosted(_unsharded()), inputs=risk_inputs, apply=apply_step),
    FirmRisk: Case(make=lambda: _Hosted(FirmRiskStep(SETTINGS, 0, None)), inputs=firm_inputs, apply=apply_step),
}
