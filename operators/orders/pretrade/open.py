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
        self._quantities: dict[str, Decimal] = {}
        self._needs: dict[str, Decimal] = {}
        """Money by order."""
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
        quantity = most_open(order) if order.requests else order.leaves
        before = self._quantities.get(order.order_id, ZERO)
        if quantity != before and order.symbol is not None:
            sums = self._buys if order.side == "buy" else self._sells
            sums[order.symbol] = EXACT.add(sums.get(order.symbol, ZERO), EXACT.subtract(quantity, before))
            if quantity:
                self._quantities[order.order_id] = quantity
            else:
                del self._quantities[order.order_id]
        if order.unit_needs:
            self._need(order.order_id, EXACT.multiply(quantity, order.unit_needs))
        elif self._needs:
            self._need(order.order_id, ZERO)

    def _need(self, order_id: str, money: Decimal) -> None:
        before = self._needs.get(order_id, ZERO)
        if money == before:
            return
        self.money = EXACT.add(self.money, EXACT.subtract(money, before))
        if money:
            self._needs[order_id] = money
        else:
            del self._needs[order_id]


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
