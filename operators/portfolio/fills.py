"""A fill as it is kept, so that it can be busted, corrected, and folded again."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Any

from operators.portfolio.exact import ZERO, multiply, subtract
from operators.portfolio.terms import Terms
from schemas.events import Event
from schemas.orders import ExecType, ExecutionReport

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


class Fill:
    """One fill or transfer. What is derived from quantity, price and fee is worked out once, when they are set.

    Attributes:
        quantity: signed, as it was reported.
        change: signed; what the position changes by, less than ``quantity`` by a fee in the base currency.
        value: what ``change`` costs.
        fee_value: the fee in the instrument's currency; of a foreign one 0 until ``fee_rate`` is known.
        fee_rate: rate at which a foreign fee is converted; None: unknown so far.
        sequence: order of arrival.
        aliases: ids of its corrections.
    """

    __slots__ = (
        "aliases",
        "change",
        "fee",
        "fee_currency",
        "fee_kind",
        "fee_rate",
        "fee_value",
        "id",
        "is_busted",
        "is_transfer",
        "price",
        "quantity",
        "sequence",
        "stored",
        "terms",
        "time_ns",
        "value",
    )

    def __init__(self, fill_id: FillId, time_ns: int, sequence: int, terms: Terms, is_transfer: bool) -> None:
        self.id = fill_id
        self.aliases: tuple[FillId, ...] = ()
        self.time_ns = time_ns
        self.sequence = sequence
        self.terms = terms
        self.is_transfer = is_transfer
        self.is_busted = False
        self.quantity = self.price = self.fee = self.change = self.value = self.fee_value = ZERO
        self.fee_currency = terms.currency
        self.fee_kind = FeeKind.SETTLEMENT
        self.fee_rate: Decimal | None = None
        self.stored: Any = None
        """Its stored form, until it changes."""

    def set(self, quantity: Decimal, price: Decimal, fee: Decimal, fee_currency: str | None, fee_rate: Decimal | None) -> None:
        """Say what was filled; ``fee_rate`` counts of a foreign fee only."""
        self.stored = None
        self.quantity, self.price, self.fee = quantity, price, fee
        terms = self.terms
        self.fee_currency = fee_currency or terms.currency
        self.fee_kind, self.fee_rate, self.fee_value, self.change = FeeKind.SETTLEMENT, None, fee, quantity
        if fee and self.fee_currency != terms.currency:
            if self.fee_currency == terms.base_currency and not terms.is_margined:
                self.fee_kind, self.change = FeeKind.BASE, subtract(quantity, fee)
                self.fee_value = terms.value(fee, price)
            else:
                self.fee_kind, self.fee_rate = FeeKind.FOREIGN, fee_rate
                self.fee_value = ZERO if fee_rate is None else multiply(fee, fee_rate)
        self.value = terms.value(self.change, price)

    @property
    def lacks_rate(self) -> bool:
        """Whether its fee cannot be converted so far."""
        return self.fee_kind is FeeKind.FOREIGN and self.fee_rate is None


def signed_quantity(report: ExecutionReport, like: Decimal = ZERO) -> Decimal:
    """The quantity of a report, below 0 for a sale; ``like`` gives the sign where there is no side."""
    assert report.quantity is not None
    sells = report.side == "sell" if report.side else like < 0
    return report.quantity.copy_negate() if sells else report.quantity


def fill_of(event: Event[ExecutionReport], sequence: int, terms: Terms) -> Fill:
    """The fill of a report, its numbers not set yet."""
    report = event.payload
    assert report.execution_id is not None
    return Fill((report.venue, report.execution_id), event.time_ns, sequence, terms, report.exec_type is ExecType.TRANSFER)
