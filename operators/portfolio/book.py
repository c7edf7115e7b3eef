"""The fold of fills: what is held, what it cost, what was realised, and what moved in cash."""

from __future__ import annotations

from decimal import Decimal

from operators.portfolio.costing import Cost, close_lots
from operators.portfolio.exact import ZERO, add, converted, multiply, proportion, subtract
from operators.portfolio.fills import BASE, FOREIGN, SETTLEMENT, Fill
from schemas.control import Costing


class Book:
    """A position's numbers. Sums only, so that what is realised at flat is the sum of the cash flows to the last digit.

    Attributes:
        quantity: signed; cost: what it cost (below 0 of a short), of an inverse contract with the other sign.
        gains: realised, dividends among it, before fees; fees: those that are converted.
        cash: what moved in the instrument's currency; moved: worth of transfers.
        foreign: paid in other currencies, by currency (dividends received are below 0).
        unconverted: fees of which no rate is known, by currency; they are in no sum but ``foreign``.
        unknown_income: currencies of dividends of which no rate is known.
        lots: (quantity, cost) each, oldest first; none with average cost, for there they are all alike.
    """

    __slots__ = ("cash", "cost", "fees", "foreign", "gains", "lots", "moved", "quantity", "unconverted", "unknown_income")

    def __init__(self) -> None:
        self.quantity = self.cost = self.gains = self.fees = self.cash = self.moved = ZERO
        self.foreign: dict[str, Decimal] = {}
        self.unconverted: dict[str, Decimal] = {}
        self.unknown_income: set[str] = set()
        self.lots: list[Cost] = []

    def copy(self) -> Book:
        """Another of the same content."""
        other = Book()
        other.quantity, other.cost, other.gains, other.fees = self.quantity, self.cost, self.gains, self.fees
        other.cash, other.moved = self.cash, self.moved
        other.foreign, other.unconverted, other.lots = dict(self.foreign), dict(self.unconverted), list(self.lots)
        other.unknown_income = set(self.unknown_income)
        return other

    def equals(self, other: Book) -> bool:
        """Whether all numbers are alike."""
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def apply(self, fill: Fill, costing: Costing, ratio: Decimal | None = None) -> None:
        """Fold one live fill; ``ratio``: by which later splits scale its quantity. What it cost they leave alone."""
        change = fill.change if ratio is None else multiply(fill.change, ratio)
        value = fill.value
        gain = self.trade(change, value, costing)
        if fill.fee:
            self._pay(fill)
        if fill.is_transfer:
            self.moved = subtract(self.moved, gain) if fill.terms.is_margined else add(self.moved, self._notional(fill))
        elif fill.terms.is_margined:
            self.cash = add(self.cash, gain)
        else:
            self.cash = subtract(self.cash, value if fill.fee_kind is not BASE else self._notional(fill))

    def trade(self, change: Decimal, value: Decimal, costing: Costing) -> Decimal:
        """Change the quantity, which costs ``value``; what that realised. A flip is two legs: close all, open the rest."""
        held = self.quantity
        if not change:
            return self._gain(value.copy_negate())
        self.quantity = quantity = add(held, change)
        is_purchase = change > 0
        if not held or (held > 0) is is_purchase:
            self._open(change, value, costing)
            return ZERO
        if not quantity or (quantity > 0) is not is_purchase:
            return self._gain(add(value, self._close(held, change.copy_negate(), costing)).copy_negate())
        brought = proportion(value, held.copy_negate(), change)
        gain = self._gain(add(brought, self._close(held, held, costing)).copy_negate())
        self._open(quantity, subtract(value, brought), costing)
        return gain

    def _open(self, quantity: Decimal, cost: Decimal, costing: Costing) -> None:
        self.cost = add(self.cost, cost)
        if costing != "average":
            self.lots.append((quantity, cost))

    def _close(self, held: Decimal, closing: Decimal, costing: Costing) -> Decimal:
        """Take out a part of what is held, or all; what it had cost."""
        taken = proportion(self.cost, closing, held) if costing == "average" else close_lots(self.lots, closing, costing == "lifo")
        self.cost = subtract(self.cost, taken)
        return taken

    def receive(self, amount: Decimal) -> None:
        """Income in the instrument's currency, below 0 paid."""
        self.cash = add(self.cash, amount)
        self._gain(amount)

    def receive_foreign(self, amount: Decimal, currency: str, rate: Decimal | None) -> None:
        """Income in another currency, converted at ``rate`` if that is known."""
        self.foreign[currency] = subtract(self.foreign.get(currency, ZERO), amount)
        if rate is None:
            self.unknown_income.add(currency)
        else:
            self._gain(converted(amount, rate))

    def convert(self, currency: str, rate: Decimal) -> None:
        """Now the rate of fees in a currency is known."""
        amount = self.unconverted.pop(currency, ZERO)
        self.fees = add(self.fees, converted(amount, rate))

    def split(self, ratio: Decimal) -> None:
        """Scale what is open; what it cost stays."""
        self.quantity = multiply(self.quantity, ratio)
        self.lots = [(multiply(quantity, ratio), cost) for quantity, cost in self.lots]

    def recost(self, costing: Costing) -> None:
        """Go on with another costing: with average cost there are no lots, from it what is open becomes one."""
        if costing == "average":
            self.lots = []
        elif self.quantity and not self.lots:
            self.lots = [(self.quantity, self.cost)]

    def _pay(self, fill: Fill) -> None:
        self.fees = add(self.fees, fill.fee_value)
        if fill.fee_kind is SETTLEMENT:
            self.cash = subtract(self.cash, fill.fee_value)
        elif fill.fee_kind is FOREIGN:
            self.foreign[fill.fee_currency] = add(self.foreign.get(fill.fee_currency, ZERO), fill.fee)
            if fill.fee_rate is None:
                self.unconverted[fill.fee_currency] = add(self.unconverted.get(fill.fee_currency, ZERO), fill.fee)

    @staticmethod
    def _notional(fill: Fill) -> Decimal:
        """What was paid for the reported quantity: a fee in the base currency was paid for too."""
        return add(fill.value, fill.fee_value) if fill.fee_kind is BASE else fill.value

    def _gain(self, gain: Decimal) -> Decimal:
        self.gains = add(self.gains, gain)
        return gain
