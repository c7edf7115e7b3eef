"""Execution reports and controls for tests, in few words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from operators.portfolio.ledger import Ledger
from operators.portfolio.output import LedgerOutput
from operators.portfolio.settings import PortfolioSettings
from schemas.control import Account, Action, Control, Instrument
from schemas.events import Event, Header, Place
from schemas.holdings import Holding, Rate
from schemas.orders import ExecType, ExecutionReport

SECOND_NS = 1_000_000_000
NUMBERS = frozenset({"quantity", "price", "fee", "amount"})


def report(at: int, kind: str, account: str = "A", symbol: str = "S", **fields: Any) -> Event[ExecutionReport]:
    """The report in line ``at``, whose number in seconds is its time too (``seconds`` says another)."""
    seconds = fields.pop("seconds", at)
    values: dict[str, Any] = {name: Decimal(str(value)) if name in NUMBERS else value for name, value in fields.items()}
    header = Header(f"event-{at}", f"order-{at}", "EXECUTION_REPORT", 2, "1970-01-01T00:00:00Z", "test")
    payload = ExecutionReport(ExecType(kind), account=account, symbol=symbol, **values)
    return Event(header, payload, seconds * SECOND_NS, Place("orders.events", 0, at))


def fill(at: int, side: str, quantity: Any, price: Any, execution_id: str | None = None, **fields: Any) -> Event[ExecutionReport]:
    """A fill, by default with an execution id of its own."""
    kind = fields.pop("kind", "fill")
    return report(at, kind, side=side, quantity=quantity, price=price, execution_id=execution_id or f"x{at}", **fields)


def bust(at: int, reference: str, **fields: Any) -> Event[ExecutionReport]:
    """A bust of a fill."""
    return report(at, "bust", reference_execution_id=reference, **fields)


def correct(at: int, reference: str, quantity: Any, price: Any, **fields: Any) -> Event[ExecutionReport]:
    """A correction of a fill."""
    return report(at, "correct", reference_execution_id=reference, quantity=quantity, price=price, **fields)


def instrument(symbol: str = "S", **fields: Any) -> Control:
    """An instrument on its topic."""
    return Control("control.instruments", symbol, Instrument(symbol, **fields))


def account(name: str = "A", **fields: Any) -> Control:
    """An account on its topic."""
    return Control("control.accounts", name, Account(name, **fields))


def split(action_id: str, seconds: int, ratio: str, symbol: str = "S", **fields: Any) -> Control:
    """A split; ``seconds`` 0: without a time of its own."""
    action = Action("split", symbol, ratio=Decimal(ratio), **fields)
    return Control("control.actions", action_id, action, seconds * SECOND_NS, action_id)


def dividend(action_id: str, seconds: int, amount: str, symbol: str = "S", **fields: Any) -> Control:
    """A dividend; ``seconds`` 0: without a time of its own."""
    action = Action("dividend", symbol, amount=Decimal(amount), **fields)
    return Control("control.actions", action_id, action, seconds * SECOND_NS, action_id)


def rate(base: str, quote: str, mid: str, seconds: int = 0) -> Rate:
    """A rate of exchange."""
    return Rate(base, quote, Decimal(mid), seconds * SECOND_NS, Place("market.ticks", 0, 0))


def ledger(**settings: Any) -> Ledger:
    """A new ledger."""
    return Ledger(PortfolioSettings(**settings))


def give(to: Ledger, item: Any) -> LedgerOutput:
    """Any input by its kind; an integer is event time in seconds."""
    if isinstance(item, Control):
        return to.on_control(item)
    if isinstance(item, Rate):
        return to.on_rate(item)
    return to.on_time(item * SECOND_NS) if isinstance(item, int) else to.on_report(item)


def run(to: Ledger, *items: Any) -> dict[tuple[str, str], Holding]:
    """The last holding of each position after all inputs."""
    last = {}
    for item in items:
        for holding in give(to, item).holdings:
            last[holding.account, holding.symbol] = holding
    return last


def last_of(*items: Any, **settings: Any) -> Holding:
    """The last holding of the only position that these inputs make."""
    (holding,) = run(ledger(**settings), *items).values()
    return holding


def rejected(*items: Any, **settings: Any) -> list[tuple[str, str]]:
    """(reason, detail) of all dead letters."""
    to = ledger(**settings)
    return [(reject.reason.value, reject.detail) for item in items for reject in give(to, item).rejects]


def of(thing: Any, names: str) -> tuple[Any, ...]:
    """Some attributes of a thing, by names with spaces between."""
    return tuple(getattr(thing, name) for name in names.split())
