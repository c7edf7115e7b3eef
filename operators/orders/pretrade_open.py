"""What an account's open orders may still do, by symbol: the most that they can buy and sell, and what they need of its buying power.

It follows from the orders, so it is made anew when it is first asked for, and kept up from then on; it is no part of the stored state.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from operators.orders.decimals import EXACT, ZERO
from operators.orders.order import Order


class Share(NamedTuple):
    """Of one order."""

    symbol: str
    is_buy: bool
    quantity: Decimal
    money: Decimal


class Open:
    """Of the orders of one account."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self._shares: dict[str, Share] = {}
        self._sums: dict[tuple[str, bool], Decimal] = {}
        self.money = ZERO
        for order in orders:
            self.follow(order)

    def buys(self, symbol: str) -> Decimal:
        """Quantity that open orders may still buy."""
        return self._sums.get((symbol, True), ZERO)

    def sells(self, symbol: str) -> Decimal:
        """Quantity that they may still sell; above 0."""
        return self._sums.get((symbol, False), ZERO)

    def follow(self, order: Order) -> None:
        """An order changed."""
        before, quantity = self._shares.get(order.order_id), most_open(order)
        if before is None and not quantity:
            return
        money = EXACT.multiply(quantity, order.unit_needs) if order.unit_needs else ZERO
        share = Share(order.symbol or "", order.side == "buy", quantity, money)
        if share == before:
            return
        if before is not None:
            self._add(before.symbol, before.is_buy, -before.quantity, -before.money)
            del self._shares[order.order_id]
        if quantity:
            self._shares[order.order_id] = share
            self._add(share.symbol, share.is_buy, quantity, money)

    def _add(self, symbol: str, is_buy: bool, quantity: Decimal, money: Decimal) -> None:
        key = symbol, is_buy
        total = EXACT.add(self._sums.get(key, ZERO), quantity)
        if total:
            self._sums[key] = total
        else:
            self._sums.pop(key, None)
        if money:
            self.money = EXACT.add(self.money, money)


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
