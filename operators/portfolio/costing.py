"""Which part of the cost a closing fill takes out: of all lots alike, of the oldest, of the newest.

A lot is (quantity, cost), both exact. What is taken and what stays always add up to what was there.
"""

from __future__ import annotations

from decimal import Decimal

from operators.portfolio.exact import ZERO, add, proportion, subtract
from schemas.control import Costing

Cost = tuple[Decimal, Decimal]
"""(signed quantity, what it cost)."""


def open_lot(lots: list[Cost], costing: Costing, quantity: Decimal, cost: Decimal) -> None:
    """Add an opening fill. With average cost there is never more than one lot."""
    if costing == "average" and lots:
        held, paid = lots[0]
        lots[0] = (add(held, quantity), add(paid, cost))
    else:
        lots.append((quantity, cost))


def close_lots(lots: list[Cost], costing: Costing, quantity: Decimal) -> Decimal:
    """Take out a quantity, signed as the lots are and no larger than they together; what it had cost."""
    taken, at = ZERO, -1 if costing == "lifo" else 0
    spent = 0
    while quantity:
        held, paid = lots[at or spent]
        if abs_less(quantity, held):
            part = proportion(paid, quantity, held)
            lots[at or spent] = (subtract(held, quantity), subtract(paid, part))
            taken = add(taken, part)
            break
        taken, quantity = add(taken, paid), subtract(quantity, held)
        if at:
            lots.pop()
        else:
            spent += 1
    if spent:
        del lots[:spent]
    return taken


def abs_less(left: Decimal, right: Decimal) -> bool:
    """Whether one is nearer to zero."""
    return left.copy_abs() < right.copy_abs()
