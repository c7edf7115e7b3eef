"""What a command asks for, as the checks see it: how much more may be open, and what it would cost."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from operators.orders.decimals import EXACT, ZERO
from operators.orders.order import Order, Request


class Asked(NamedTuple):
    """A placing, or a replace that stands last among its order's requests."""

    account: str
    symbol: str
    side: str
    order_type: str
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

    @property
    def is_buy(self) -> bool:
        """Else it sells."""
        return self.side == "buy"

    @property
    def stated_price(self) -> Decimal | None:
        """At which it would be filled, or triggered; None: at the market's."""
        return self.price if self.price is not None else self.stop_price

    @property
    def grows(self) -> bool:
        """Whether it may cost more than before."""
        return self.is_new or self.adds > 0 or self.changes_price

    def reach(self, position: Decimal, is_open: Decimal) -> tuple[Decimal, Decimal]:
        """The position with all that is open on its side filled, without it and with it; above 0 on that side."""
        own = position if self.is_buy else -position
        before = EXACT.add(own, is_open)
        return before, EXACT.add(before, self.adds)


def asked_of(order: Order, open_before: Decimal, open_after: Decimal, now_ns: int) -> Asked:
    """What an order asks for: without requests its placing, else the last of them."""
    request = order.requests[-1] if order.requests else Request(None, None, None)
    is_new = not order.requests
    price = order.price if request.price is None else request.price
    stop_price = order.stop_price if request.stop_price is None else request.stop_price
    quantity = order.quantity if request.quantity is None else request.quantity
    before = order.price if order.price is not None else order.stop_price
    return Asked(
        order.account,
        order.symbol or "",
        order.side or "",
        order.order_type or "market",
        quantity or ZERO,
        EXACT.subtract(open_after, open_before),
        price,
        stop_price,
        is_new,
        not is_new and (price, stop_price) != (order.price, order.stop_price),
        ZERO if is_new else order.quantity or ZERO,
        None if is_new else before,
        now_ns,
    )
