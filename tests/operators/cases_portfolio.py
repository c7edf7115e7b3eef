"""Cases of the operators of the portfolio."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from operators.contract import Case, Said
from operators.portfolio.ledger import Ledger
from operators.portfolio.settings import PortfolioSettings
from schemas.times import END_OF_TIME_NS, SECOND_NS
from tests.operators.portfolio.reports import account, bust, correct, dividend, fill, give, instrument, rate, report, split


def ledger_inputs(seed: int) -> Sequence[Any]:
    """Fills of a few accounts and symbols, what changes them, and what is said again."""
    rng = random.Random(seed)
    items: list[Any] = []
    for at in range(1, rng.choice([2, 20, 120])):
        items.append(_input(rng, at, rng.choice("AB"), rng.choice(["S", "EURUSD", "I"])))
        if rng.random() < 0.1:
            items.append(rng.choice(items))
    return [instrument("I", inverse=True, currency="BTC"), *items, END_OF_TIME_NS // SECOND_NS]


def _input(rng: random.Random, at: int, name: str, symbol: str) -> Any:
    kind, where, known = rng.random(), {"account": name, "symbol": symbol}, f"x{rng.randrange(1, at + 2)}"
    quantity, price = f"{rng.randrange(1, 500)}e-2", f"{rng.randrange(1, 10_000)}e-2"
    if kind < 0.6:
        fee = {"fee": rng.choice(["0", "0.1"]), "fee_currency": rng.choice([None, "EUR", "BNB"])}
        return fill(at, rng.choice(["buy", "sell"]), quantity, price, kind=rng.choice(["fill", "fill", "transfer"]), **fee, **where)
    if kind < 0.7:
        return bust(at, known, **where)
    if kind < 0.8:
        return correct(at, known, quantity, price, execution_id=rng.choice([None, f"c{at}"]), **where)
    time = rng.choice([0, rng.randrange(1, at + 20)])
    others = [
        split(f"split-{at}", time, "1.5", symbol, cash_in_lieu=rng.choice([None, Decimal(3)])),
        dividend(f"dividend-{at}", time, "0.3", symbol, currency=rng.choice([None, "BNB"])),
        instrument(symbol, multiplier=Decimal(rng.choice([1, 10]))),
        account(name, costing=rng.choice([None, "fifo", "lifo"])),
        rate("EUR", "USD", price, at),
        rate("BNB", "USD", price, at),
        report(at, "cash", name, execution_id=known, amount=price, currency="USD", reason=rng.choice(["interest", "deposit"])),
        at,
    ]
    return rng.choice(others)


def ledger_apply(ledger: Ledger, events: Sequence[Any]) -> Said:
    """Each update and cash move is a decision."""
    said = Said()
    for event in events:
        output = give(ledger, event)
        for update, holding in zip(output.positions, output.holdings, strict=True):
            said.decisions.append((update.header.event_id, _text(update.envelope) + _text(holding)))
        said.decisions += [(f"cash|{move.account}|{move.execution_id}", _text(move)) for move in output.cash]
        for reject in output.rejects:  # a record that comes again is refused again
            where = f"dead|{reject.topic}|{reject.offset}|{reject.reason}|{reject.detail}"
            said.latest[where] = (where, reject.payload.decode())
    return said


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


CASES: dict[type, Case] = {
    Ledger: Case(make=lambda: Ledger(PortfolioSettings(fills_kept=20)), inputs=ledger_inputs, apply=ledger_apply),
}
