"""One position: its fills in order of arrival, and what they add up to."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from operators.portfolio.actions import Base, Effect, fold
from operators.portfolio.book import Book
from operators.portfolio.fills import Fill, FillId
from operators.portfolio.stored_fill import store_fill
from operators.portfolio.terms import Terms
from schemas.control import Costing
from schemas.events import Place


class Position:
    """Of one account in one symbol.

    Attributes:
        fills: oldest first; ids: fills by their id and by those of their corrections.
        final_ids: of fills that are folded into ``base``, oldest first: no longer to be changed, but still known as duplicates; the last
            ``kept`` to twice as many.
        book: what all of it adds up to.
        version: 1, 2, ...: counts what changed it.
        average: price of what is open, as it was said last; None: nothing is.
        correlation_id, time_ns, place: of what changed it last.
    """

    __slots__ = (
        "account",
        "average",
        "base",
        "book",
        "correlation_id",
        "costing",
        "fills",
        "final_ids",
        "ids",
        "place",
        "stored",
        "symbol",
        "terms",
        "time_ns",
        "version",
    )

    def __init__(self, account: str, symbol: str, costing: Costing, terms: Terms) -> None:
        self.account, self.symbol, self.costing, self.terms = account, symbol, costing, terms
        self.fills: deque[Fill] = deque()
        self.ids: dict[FillId, Fill] = {}
        self.final_ids: dict[FillId, None] = {}
        self.base: Base | None = None
        self.book = Book()
        self.version = 0
        self.average: Decimal | None = None
        self.correlation_id, self.time_ns, self.place = "", 0, Place("", 0, 0)
        self.stored: bytes | None = None
        """Its stored form, until it changes."""

    def knows(self, fill_id: FillId) -> bool:
        """Whether a report of that id is a duplicate."""
        return fill_id in self.ids or fill_id in self.final_ids

    def find(self, fill_id: FillId) -> Fill | None:
        """The fill of an id; without a venue the only one of that execution id."""
        found = self.ids.get(fill_id)
        if found is not None or fill_id[0] is not None:
            return found
        alike = {id(fill): fill for known, fill in self.ids.items() if known[1] == fill_id[1]}
        return next(iter(alike.values())) if len(alike) == 1 else None

    def is_final(self, fill_id: FillId) -> bool:
        """Whether the fill of an id can no longer be changed."""
        if fill_id[0] is not None:
            return fill_id in self.final_ids
        return any(known[1] == fill_id[1] for known in self.final_ids)

    def add(self, fill: Fill, effects: Sequence[Effect], kept: int) -> None:
        """Apply a new fill; at most ``kept`` of them can be changed later."""
        if fill.terms is not self.terms:
            self.agree(fill.terms)
        self.fills.append(fill)
        self.ids[fill.id] = fill
        if effects and any(effect.is_after(fill) for effect in effects):
            self.refold(effects)
        else:
            self.book.apply(fill, self.costing)
        store_fill(fill, self.terms)
        while len(self.fills) > kept:
            self._finish(effects, kept)

    def agree(self, terms: Terms) -> None:
        """Go on with these terms; fills that were made under others keep theirs."""
        if terms != self.terms:
            self.terms, self.stored = terms, None
            for fill in self.fills:
                fill.stored = None

    def act(self, effect: Effect, effects: Sequence[Effect]) -> None:
        """An action took effect; it is one of ``effects``."""
        if self.base:
            self.base.act(effect)
        self.refold(effects)

    def refold(self, effects: Sequence[Effect]) -> None:
        """Work it out from its fills again."""
        self.book = fold(self.fills, self.base, effects, self.costing, self.terms)

    def recost(self, costing: Costing, effects: Sequence[Effect]) -> None:
        """Another costing from the beginning (of what is final: from now)."""
        self.costing = costing
        if self.base:
            self.base.book.recost(costing)
        self.refold(effects)

    def convert(self, currency: str, rate: Decimal, effects: Sequence[Effect]) -> None:
        """The rate of a currency became known."""
        if self.base:
            self.base.book.convert(currency, rate)
        for fill in self.fills:
            if fill.lacks_rate and fill.fee_currency == currency:
                fill.set(fill.quantity, fill.price, fill.fee, currency, rate)
        self.refold(effects)

    def _finish(self, effects: Sequence[Effect], kept: int) -> None:
        """Make the oldest fill final."""
        if self.base is None:
            self.base = Base(Book(), 0, {})
        fill = self.fills.popleft()
        self.base.take(fill, self.costing, effects)
        for fill_id in [fill.id, *fill.aliases]:
            self.ids.pop(fill_id, None)
            self.final_ids[fill_id] = None
        if len(self.final_ids) > 2 * kept:
            self.final_ids = dict.fromkeys(list(self.final_ids)[-kept:])


def refused_change(position: Position, terms: Terms) -> str:
    """Why a position cannot go on with other terms."""
    held = position.terms
    names = {"multiplier": "multiplier", "inverse": "inverse", "currency": "currency", "is_margined": "type (is margined)"}
    pairs = [(shown, getattr(held, name), getattr(terms, name)) for name, shown in names.items()]
    what = ", ".join(f"{shown} {before} to become {after}" for shown, before, after in pairs if before != after)
    state = "is open" if position.book.quantity else "has a history in it"
    return f"{position.symbol}: expected its terms to stay while the position of {position.account} {state}, found {what}"
