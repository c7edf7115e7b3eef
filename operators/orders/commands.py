"""What a command does to an order: which are refused, and why."""

from __future__ import annotations

from operators.orders.decimals import EXACT, OUTPUT
from operators.orders.order import Order, Request
from schemas.events import Event
from schemas.orders import OrderCommand, Status

_NEEDS = {"limit": (True, False), "market": (False, False), "stop": (False, True), "stop_limit": (True, True)}
"""Whether an order of the type has a price, and a stop price."""

REQUESTS_KEPT = 16
"""Replaces of one order that may await their answer."""


def wrong_with(order: Order) -> str | None:
    """Why an order cannot be placed; None where it can."""
    if not order.symbol:
        return "symbol: expected one, found none"
    if order.side is None:
        return "side: expected buy or sell, found none"
    if order.quantity is None or order.quantity <= 0:
        return f"quantity: expected more than 0, found {_shown(order.quantity)}"
    has_price, has_stop = _NEEDS[order.order_type or "market"]
    for field, value, needed in (("price", order.price, has_price), ("stopPrice", order.stop_price, has_stop)):
        if needed and value is None:
            return f"{field}: expected one of a {order.order_type} order, found none"
        if not needed and value is not None:
            return f"{field}: expected none of a {order.order_type} order, found {value}"
    return None


def ask_cancel(order: Order) -> str | None:
    """Ask for it to be canceled; why not, where it cannot."""
    if order.cancel_pending:
        return "order already in pending cancel"
    if not order.leaves:
        return f"too late to cancel: the order is {order.status}"
    order.cancel_pending = True
    return None


def ask_replace(order: Order, event: Event[OrderCommand]) -> str | None:
    """Ask for other terms; why not, where they cannot be."""
    command = event.payload
    if order.cancel_pending:
        return "order already in pending cancel"
    if len(order.requests) >= REQUESTS_KEPT:
        return f"too many pending replaces: expected at most {REQUESTS_KEPT}"
    has_price, has_stop = _NEEDS[order.order_type or "market"]
    for field, value, has in (("price", command.price, has_price), ("stopPrice", command.stop_price, has_stop)):
        if value is not None and not has:
            return f"{field}: expected none of a {order.order_type} order, found {value}"
    if command.quantity is None and command.price is None and command.stop_price is None:
        return "expected a quantity, price or stopPrice to change, found none"
    if command.quantity is not None and command.quantity <= 0:
        return f"quantity: expected more than 0, found {command.quantity}"
    request = _in_units_of_today(order, event)
    grows = order.status is Status.FILLED and request.quantity is not None and request.quantity > order.filled
    if not order.leaves and not grows and not order.requests:
        return f"too late to replace: the order is {order.status}"
    order.requests.append(request)
    return None


def _in_units_of_today(order: Order, event: Event[OrderCommand]) -> Request:
    command, ratio = event.payload, order.ratio_since(event.time_ns)
    if ratio == 1:
        return Request(command.quantity, command.price, command.stop_price)
    quantity = None if command.quantity is None else EXACT.multiply(command.quantity, ratio)
    price, stop = (None if value is None else OUTPUT.divide(value, ratio) for value in (command.price, command.stop_price))
    return Request(quantity, price, stop)


def _shown(value: object) -> object:
    return "none" if value is None else value
