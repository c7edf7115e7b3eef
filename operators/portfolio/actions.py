"""Splits and dividends: what they make of fills that came before their time.

A position is a function of its fills in order of arrival and of the set of actions in effect, by time. So it does not matter in which order
fills and actions came to be known. A split scales the quantities of the fills before it; what they cost it leaves alone. A dividend is paid
on what these fills add up to. An action without a time of its own is in effect for what arrived before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from operators.portfolio.book import Book
from operators.portfolio.exact import EXACT, ONE, ZERO, add, multiply, quotient, subtract
from operators.portfolio.fills import Fill
from operators.portfolio.terms import Terms
from schemas.control import Action, Control, Costing
from schemas.events import Place


def place_of(control: Control) -> Place:
    """The record of a control event; one that was said at the start of a run has none of its own."""
    return control.place if control.place.topic else Place(control.topic, 0, 0)


@dataclass(slots=True)
class Effect:
    """An action in a ledger.

    Attributes:
        time_ns: its time; 0: it has none. sequence: when it arrived, counted as fills are.
        since_ns: by which actions are ordered: its time, else how far event time had come.
        rate: of a dividend in another currency than the instrument's: rate of its time; None: unknown so far.
        is_active: event time has reached it.
    """

    id: str
    action: Action
    time_ns: int
    sequence: int
    since_ns: int
    place: Place
    rate: Decimal | None = None
    is_active: bool = False

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Of one time a dividend comes first: it is paid on what was held before."""
        return self.since_ns, self.action.action == "split", 0 if self.time_ns else self.sequence, self.id

    def is_after(self, fill: Fill) -> bool:
        """Whether the fill was there when this took effect."""
        return fill.time_ns < self.time_ns if self.time_ns else fill.sequence < self.sequence

    @property
    def ratio(self) -> Decimal | None:
        """Of a split."""
        return self.action.ratio if self.action.action == "split" else None


@dataclass(slots=True)
class Base:
    """What the oldest fills of a position add up to once they are final, in present shares.

    Attributes:
        time_ns: the latest time among them.
        held: how many of them were held before each action, by its id.
    """

    book: Book
    time_ns: int
    held: dict[str, Decimal]

    def act(self, effect: Effect) -> None:
        """An action took effect. One of before the newest final fill comes too late: what is final stays."""
        if effect.id in self.held:
            return
        is_after = not effect.time_ns or self.time_ns < effect.time_ns
        self.held[effect.id] = self.book.quantity if is_after else ZERO
        if is_after and effect.ratio is not None:
            self.book.split(effect.ratio)

    def take(self, fill: Fill, costing: Costing, effects: Sequence[Effect]) -> None:
        """Make a fill final."""
        ratio = ONE
        for effect in effects:
            if effect.is_after(fill) and not fill.is_busted:
                self.held[effect.id] = add(self.held.get(effect.id, ZERO), multiply(fill.change, ratio))
                ratio = multiply(ratio, effect.ratio or ONE)
            else:
                self.held.setdefault(effect.id, ZERO)
        self.time_ns = max(self.time_ns, fill.time_ns)
        if not fill.is_busted:
            self.book.apply(fill, costing, ratio)


@dataclass(slots=True)
class Payout:
    """A fraction of a lot that was paid out after a split: a trade at the price of ``cashInLieu``."""

    after: int
    """Index of the last fill that was there; -1: none but final ones."""
    quantity: Decimal
    value: Decimal


def fold(fills: Sequence[Fill], base: Base | None, effects: Sequence[Effect], costing: Costing, terms: Terms) -> Book:
    """The position that live fills in order of arrival and actions in order of time make."""
    book = base.book.copy() if base else Book()
    if not effects:
        for fill in fills:
            if not fill.is_busted:
                book.apply(fill, costing)
        return book
    live = [fill for fill in fills if not fill.is_busted]
    ratios = [ONE] * len(live)
    payouts: list[Payout] = []
    for effect in effects:
        _take_effect(effect, live, ratios, payouts, book, base, terms)
    due = {payout.after: [one for one in payouts if one.after == payout.after] for payout in payouts}
    _pay_out(book, due.get(-1, ()), costing, terms)
    for at, fill in enumerate(live):
        book.apply(fill, costing, ratios[at])
        _pay_out(book, due.get(at, ()), costing, terms)
    return book


def _take_effect(
    effect: Effect, live: list[Fill], ratios: list[Decimal], payouts: list[Payout], book: Book, base: Base | None, terms: Terms
) -> None:
    there = [at for at, fill in enumerate(live) if effect.is_after(fill)]
    held = base.held.get(effect.id, ZERO) if base else ZERO
    for at in there:
        held = add(held, multiply(live[at].change, ratios[at]))
    for payout in payouts:
        held = add(held, payout.quantity)
    ratio = effect.ratio
    if ratio is None:
        _pay_dividend(effect, held, book, terms)
        return
    for at in there:
        ratios[at] = multiply(ratios[at], ratio)
    for payout in payouts:
        payout.quantity = multiply(payout.quantity, ratio)
    if effect.action.cash_in_lieu is not None:
        rest = _fraction(multiply(held, ratio), terms.lot_size or ONE)
        if rest:
            quantity = rest.copy_negate()
            payouts.append(Payout(there[-1] if there else -1, quantity, terms.value(quantity, effect.action.cash_in_lieu)))


def _pay_dividend(effect: Effect, held: Decimal, book: Book, terms: Terms) -> None:
    amount = multiply(held, effect.action.amount or ZERO)
    currency = effect.action.currency or terms.currency
    if not amount:
        return
    if currency == terms.currency:
        book.receive(amount)
    else:
        book.receive_foreign(amount, currency, effect.rate)


def _pay_out(book: Book, payouts: Sequence[Payout], costing: Costing, terms: Terms) -> None:
    for payout in payouts:
        gain = book.trade(payout.quantity, payout.value, costing)
        book.cash = add(book.cash, gain) if terms.is_margined else subtract(book.cash, payout.value)


def _fraction(quantity: Decimal, lot_size: Decimal) -> Decimal:
    lots = quotient(quantity, lot_size).to_integral_value(ROUND_DOWN, context=EXACT)
    return subtract(quantity, multiply(lots, lot_size))
