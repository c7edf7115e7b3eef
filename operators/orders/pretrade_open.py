"""What an account's open orders may still do, by symbol: the most that they can buy and sell, and what they need of its buying power.

It follows from the orders, so it is made anew when it is first asked for, and kept up from then on; it is no part of the stored state.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from operators.orders.decimals import EXACT, ZERO
from operators.orders.order import Order


class Open:
    """Of the orders of one account."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self._shares: dict[str, tuple[Decimal, Decimal]] = {}
        """By order: quantity and money."""
        self._buys: dict[str, Decimal] = {}
        self._sells: dict[str, Decimal] = {}
        self.money = ZERO
        for order in orders:
            self.follow(order)

    def buys(self, symbol: str) -> Decimal:
        """Quantity that open orders may still buy."""
        return self._buys.get(symbol, ZERO)

    def sells(self, symbol: str) -> Decimal:
        """Quantity that they may still sell; above 0."""
        return self._sells.get(symbol, ZERO)

    def follow(self, order: Order) -> None:
        """An order changed. Its symbol and side never do."""
        before, quantity = self._shares.get(order.order_id, _NOTHING), most_open(order)
        money = EXACT.multiply(quantity, order.unit_needs) if quantity and order.unit_needs else ZERO
        if before == (quantity, money) or order.symbol is None:
            return
        sums = self._buys if order.side == "buy" else self._sells
        total = EXACT.add(sums.get(order.symbol, ZERO), EXACT.subtract(quantity, before[0]))
        if total:
            sums[order.symbol] = total
        else:
            sums.pop(order.symbol, None)
        if money != before[1]:
            self.money = EXACT.add(self.money, EXACT.subtract(money, before[1]))
        if quantity:
            self._shares[order.order_id] = quantity, money
        else:
            self._shares.pop(order.order_id, None)


_NOTHING = ZERO, ZERO


def most_open(order: Order, quantity: Decimal | None = None) -> Decimal:
    """The most that an order may still fill, whatever of its pending replaces comes true; ``quantity``: of one more."""
    if order.side is None or order.ended is not None:
        return ZERO
    leaves = order.leaves
    if not order.requests and quantity is None:
        return leaves
    asked = [request.quantity for request in order.requests if request.quantity is not None]
    most = max(asked if quantity is None else [*asked, quantity], default=ZERO)
    return max(leaves, EXACT.subtract(most, order.filled))
