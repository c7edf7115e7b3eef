"""A fill as it is kept, so that it can be busted, corrected, and folded again."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import msgspec

from operators.portfolio.exact import ZERO, converted, subtract
from operators.portfolio.terms import Terms
from schemas.orders import ExecutionReport

FillId = tuple[str | None, str]
"""(venue, execution id): with account and symbol it names a fill for ever."""


class FeeKind(IntEnum):
    """In which currency a fee was paid."""

    SETTLEMENT = 0
    """That of the instrument: it lowers what is realised."""
    BASE = 1
    """What was bought or sold itself: it lowers the quantity, and what is realised by its worth at the fill's price."""
    FOREIGN = 2
    """Any other: it lowers what is realised at the rate of its time."""


SETTLEMENT, BASE, FOREIGN = FeeKind
"""Looked up once: an enumeration's members are slow to find, and each fill asks several times."""


class Fill(msgspec.Struct, gc=False):
    """One fill or transfer. What is derived from quantity and fee is worked out once, when they are set."""

    id: FillId
    time_ns: int
    sequence: int
    """Order of arrival."""
    terms: Terms
    is_transfer: bool
    is_busted: bool = False
    quantity: Decimal = ZERO
    """Signed, as it was reported."""
    price: Decimal = ZERO
    fee: Decimal = ZERO
    fee_currency: str = ""
    fee_kind: FeeKind = SETTLEMENT
    fee_rate: Decimal | None = None
    """At which a foreign fee is converted; None: unknown so far."""
    fee_value: Decimal = ZERO
    """The fee in the instrument's currency; of a foreign one 0 until its rate is known."""
    change: Decimal = ZERO
    """Signed; what the position changes by: less than ``quantity`` by a fee in the base currency."""
    aliases: tuple[FillId, ...] = ()
    """Ids of its corrections."""
    stored: msgspec.Raw | None = None
    """Its stored form, until it changes."""

    def set(self, quantity: Decimal, price: Decimal, fee: Decimal, fee_currency: str | None, fee_rate: Decimal | None) -> None:
        """Say what was filled; ``fee_rate`` counts of a foreign fee only."""
        self.stored = None
        terms = self.terms
        self.quantity, self.price, self.fee = quantity, price, fee or ZERO
        self.fee_currency = fee_currency or terms.currency
        self.fee_kind, self.fee_rate, self.fee_value, self.change = SETTLEMENT, None, self.fee, quantity
        if fee and self.fee_currency != terms.currency:
            if self.fee_currency == terms.base_currency and not terms.is_margined:
                self.fee_kind, self.change = BASE, subtract(quantity, fee)
                self.fee_value = terms.value(fee, price)
            else:
                self.fee_kind, self.fee_rate = FOREIGN, fee_rate
                self.fee_value = ZERO if fee_rate is None else converted(fee, fee_rate)

    @property
    def value(self) -> Decimal:
        """What ``change`` costs. Not kept: there are many fills, and few are looked at twice."""
        return self.terms.value(self.change, self.price)

    @property
    def lacks_rate(self) -> bool:
        """Whether its fee cannot be converted so far."""
        return self.fee_kind is FOREIGN and self.fee_rate is None


def signed_quantity(report: ExecutionReport, like: Decimal = ZERO) -> Decimal:
    """The quantity of a report, below 0 for a sale; ``like`` gives the sign where there is no side."""
    assert report.quantity is not None
    sells = report.side == "sell" if report.side else like < 0
    return report.quantity.copy_negate() if sells else report.quantity
