"""Which part of the cost a closing fill takes out: that of the oldest lots or of the newest. (With average cost it is a proportion of all.)

A lot is (quantity, cost), both exact. What is taken and what stays always add up to what was there.
"""

from __future__ import annotations

from decimal import Decimal

from operators.portfolio.exact import ZERO, add, proportion, subtract

Cost = tuple[Decimal, Decimal]
"""(signed quantity, what it cost)."""


def close_lots(lots: list[Cost], quantity: Decimal, newest_first: bool) -> Decimal:
    """Take out a quantity, signed as the lots are and no larger than they together; what it had cost."""
    taken, spent = ZERO, 0
    while quantity:
        at = len(lots) - 1 - spent if newest_first else spent
        held, paid = lots[at]
        if quantity.copy_abs() < held.copy_abs():
            part = proportion(paid, quantity, held)
            lots[at] = (subtract(held, quantity), subtract(paid, part))
            taken = add(taken, part)
            break
        taken, quantity = add(taken, paid), subtract(quantity, held)
        spent += 1
    if newest_first:
        del lots[len(lots) - spent :]
    else:
        del lots[:spent]
    return taken
