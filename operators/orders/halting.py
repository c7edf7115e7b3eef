"""What a halt does to an open order: its cancel is asked for, and again where the venue refuses it, ASKED times in all."""

from __future__ import annotations

from operators.orders.causes import Halt
from operators.orders.commands import ask_cancel
from operators.orders.order import Order

ASKED = 3
"""Times that a halt asks for the cancel of an order. A venue that refuses them all goes on with it; a person has to see to that."""


def next_asking(order: Order, halt: Halt) -> str | None:
    """Key of the asking that is due; None: none is. While any cancel is pending, whoever asked for it, there is nothing to ask."""
    if order.cancel_pending or not order.leaves:
        return None
    keys = (f"{halt.key}|{number}" for number in range(1, ASKED + 1))
    return next((key for key in keys if key not in order.seen), None)


def apply_halt(order: Order, halt: Halt) -> bool:
    """Ask for the cancel; whether it was asked. The key is that of the asking."""
    if halt.key in order.seen or not order.leaves or ask_cancel(order) is not None:
        return False
    order.remember(halt.key)
    order.by_system = True
    return True
