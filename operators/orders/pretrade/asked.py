"""What a command asks for, as the checks see it: how much more may be open, and what it would cost."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from operators.orders.decimals import EXACT, OUTPUT, ZERO
from operators.orders.order import Order
from operators.orders.pretrade.open import most_open
from schemas.balances import Balance
from schemas.orders import Side


class Asked(msgspec.Struct, gc=False):
    """A placing, or a replace that stands last among its order's requests."""

    account: str
    symbol: str
    side: Side
    quantity: Decimal
    """Of the whole order, as it would be."""
    adds: Decimal
    """More than could be open before; 0 or less of a replace that does not grow."""
    price: Decimal | None
    stop_price: Decimal | None
    is_new: bool
    changes_price: bool
    quantity_before: Decimal
    price_before: Decimal | None
    """0 and None of a placing."""
    now_ns: int
    position: Decimal
    """Signed."""
    others: Decimal
    """Open on its side."""
    before: Decimal
    """The position with all that is open on its side filled, above 0 on that side; without it."""
    after: Decimal
    """With it."""
    unit: Decimal | None = None
    """Worth of one in the account's currency; None: it is not known, or nobody needs it."""
    ordered: Decimal = ZERO
    """Money that is ordered anew."""
    balance: Balance | None = None
    """Of the account, where money is asked for and it is known."""

    @property
    def stated_price(self) -> Decimal | None:
        """At which it would be filled, or triggered; None: at the market's."""
        return self.price if self.price is not None else self.stop_price

    @property
    def grows(self) -> bool:
        """Whether it may cost more than before."""
        return self.is_new or self.adds > 0 or self.changes_price

    def value(self, unit: Decimal) -> None:
        """A unit is worth so much."""
        self.unit, self.ordered = unit, EXACT.multiply(self.quantity, unit)
        if self.is_new:
            return
        before = unit
        if self.price_before is not None and self.changes_price and self.stated_price:
            before = OUTPUT.divide(EXACT.multiply(unit, self.price_before), self.stated_price).copy_abs()
        self.ordered = max(EXACT.subtract(self.ordered, EXACT.multiply(self.quantity_before, before)), ZERO)

    @property
    def away(self) -> Decimal:
        """Quantity by which it may lead the position away from 0."""
        if self.adds <= 0 or self.after <= 0:
            return ZERO
        return self.adds if self.before >= 0 else self.after


def asked_of(order: Order, open_before: Decimal, others: Decimal, position: Decimal, now_ns: int) -> Asked:
    """What an order asks for: without requests its placing, else the last of them."""
    adds = EXACT.subtract(most_open(order), open_before) if order.requests else order.quantity or ZERO
    before = EXACT.add(position if order.side == "buy" else position.copy_negate(), others)
    reach = position, others, before, EXACT.add(before, adds)
    about = order.account, order.symbol or "", order.side or "buy"
    if not order.requests:
        return Asked(*about, order.quantity or ZERO, adds, order.price, order.stop_price, True, False, ZERO, None, now_ns, *reach)
    request = order.requests[-1]
    price = order.price if request.price is None else request.price
    stop_price = order.stop_price if request.stop_price is None else request.stop_price
    quantity, quantity_before = order.quantity if request.quantity is None else request.quantity, order.quantity or ZERO
    changes = (price, stop_price) != (order.price, order.stop_price)
    price_before = order.price if order.price is not None else order.stop_price
    return Asked(*about, quantity or ZERO, adds, price, stop_price, False, changes, quantity_before, price_before, now_ns, *reach)
