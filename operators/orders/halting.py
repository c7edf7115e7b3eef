"""What a halt does to an open order: once for each halt, its cancel is asked for."""

from __future__ import annotations

from operators.orders.causes import Halt
from operators.orders.commands import ask_cancel
from operators.orders.order import Order


def is_due(order: Order, halt: Halt) -> bool:
    """Whether an order is open, and this halt has not asked yet. While any cancel is pending there is nothing to ask."""
    return not order.cancel_pending and halt.key not in order.seen and bool(order.leaves)


def apply_halt(order: Order, halt: Halt) -> bool:
    """Ask for the cancel; whether it was asked."""
    if not is_due(order, halt) or ask_cancel(order) is not None:
        return False
    order.remember(halt.key)
    order.by_system = True
    return True
