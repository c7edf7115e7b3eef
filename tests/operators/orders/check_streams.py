"""Random limits, trading states, prices, balances and positions, as orders meet them."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import numpy as np

from operators.orders.lifecycle import OrderBook
from operators.orders.saying import OrdersOutput
from schemas.balances import Balance, BalanceFrame
from schemas.control import Control, Instrument, Limit, Trading
from schemas.events import Event, Header, Place
from schemas.portfolio import PositionUpdate
from schemas.risk_frames import SYMBOL_MARK, SymbolMarks
from schemas.symbols import SYMBOLS
from tests.operators.orders.desk import SECOND_NS
from tests.operators.orders.order_streams import feed as feed_order

RULES = {"position": (15, 40, 90), "order_notional": (800, 1600), "daily_notional": (2_000, 4_000), "order_rate": (1, 2, 4)}


def control(topic: str, own_id: str, payload: Any, number: int, time_ns: int = 0) -> Control:
    """Number: of its record."""
    return Control(f"control.{topic}", own_id, payload, time_ns, f"{topic}-{number}", Place(f"control.{topic}", 0, number))


def limit(rule: str, threshold: str | int, number: int = 1, account: str | None = "A", symbol: str | None = None, **fields: Any) -> Control:
    """Named by its rule."""
    scope = "+".join(name for name, value in (("account", account), ("symbol", symbol)) if value) or "firm"
    values = {
        "limit_id": rule,
        "rule": rule,
        "scope": scope,
        "threshold": Decimal(threshold),
        "account": account,
        "symbol": symbol,
        **fields,
    }
    return control("limits", values["limit_id"], Limit(**values), number)


def trading(state: str, number: int, account: str | None = None, time_ns: int = 0) -> Control:
    payload = Trading("account" if account else "firm", state, account, "because", "somebody")  # type: ignore[arg-type]
    return control("trading", account or "firm", payload, number, time_ns)


def marks(last: float, bid: float | None = None, ask: float | None = None, symbol: str = "AMZN", time_ns: int = 0) -> SymbolMarks:
    row = np.zeros(1, SYMBOL_MARK)
    row["last"], row["long"], row["short"] = last, last if bid is None else bid, last if ask is None else ask
    row["symbol"], row["partition"], row["time"] = SYMBOLS.code(symbol), -1, time_ns
    return SymbolMarks(row)


def balance(account: str, equity: float | None, gross: float | None, time_ns: int = 0, currency: str = "USD") -> BalanceFrame:
    return BalanceFrame({account: Balance(currency, equity, gross, time_ns)})


def position(account: str, quantity: str | int, version: int, cause: str | None = None, time_ns: int = 0) -> Event[PositionUpdate]:
    """Of AMZN; as the portfolio names it, where there is a cause."""
    payload = PositionUpdate(
        account, "AMZN", Decimal(quantity), None, Decimal(0), Decimal(0), Decimal(0), "USD", "average", (), version
    )  # fmt: skip
    event_id = f"p{version}" if cause is None else f"position|{account}|AMZN|{cause}|{version}"
    return Event(Header(event_id, "c", "POSITION_UPDATE", 3, time_ns, "test"), payload, time_ns, Place("portfolio.positions", 0, version))


def checks(rng: random.Random, count: int) -> list[Any]:
    """Anything that checks are made of, of accounts A and B."""
    made: list[Any] = []
    for number in range(1, count + 1):
        account = rng.choice("AB")
        rule = rng.choice(list(RULES))
        made.append(
            rng.choice(
                (
                    lambda rule=rule, n=number: limit(rule, rng.choice(RULES[rule]), n, rng.choice((None, "A", "B"))),
                    lambda rule=rule, n=number: control("limits", rule, None, n),
                    lambda n=number: trading(rng.choice(("ACTIVE", "ACTIVE", "REDUCING", "HALTED")), n, rng.choice((None, "A", "B")), n),
                    lambda n=number: marks(rng.choice((45.0, 50.0, 55.5)), time_ns=n * SECOND_NS),
                    lambda n=number, a=account: balance(a, rng.choice((None, 1e4)), 1e3, n),
                    lambda n=number, a=account: position(a, rng.choice((-20, 0, 10, 30)), n, rng.choice((None, "orders.events-1", "x")), n),
                    lambda n=number: control("instruments", "AMZN", Instrument("AMZN", multiplier=Decimal(rng.choice((1, 2)))), n),
                )
            )()
        )
    return made


def feed(book: OrderBook, one: Any) -> OrdersOutput:
    """Anything that an order book takes."""
    if isinstance(one, SymbolMarks):
        book.checks.prices.put(one)
    elif isinstance(one, BalanceFrame):
        book.checks.balances.put(one)
    elif isinstance(one, Event) and isinstance(one.payload, PositionUpdate):
        book.checks.positions.on_update(one)
    elif isinstance(one, Control):
        return book.on_control(one)
    else:
        return feed_order(book, one)
    return OrdersOutput()
