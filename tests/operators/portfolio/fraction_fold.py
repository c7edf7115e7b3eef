"""A position worked out anew from all of its fills, in fractions, by the textbook: the answer to which the ledger is held.

It shares nothing with the ledger: lots are a plain list, profit is the difference of two prices, and every number is a fraction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Trade:
    """A fill as it finally stands; ``quantity`` below 0 is a sale."""

    quantity: Fraction
    price: Fraction
    fee: Fraction = Fraction(0)
    time: int = 0


@dataclass
class Answer:
    """What a list of trades comes to."""

    quantity: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)
    lots: list[list[Fraction]] = field(default_factory=list)
    """[quantity, price] each."""

    @property
    def average(self) -> Fraction:
        """Of what is open; nothing must not be asked."""
        return sum((quantity * price for quantity, price in self.lots), Fraction(0)) / self.quantity


def fold(trades: list[Trade], costing: str, multiplier: Fraction = Fraction(1), splits: tuple[tuple[int, Fraction], ...] = ()) -> Answer:
    """Trades in order of arrival; splits are (time, new shares per old)."""
    answer = Answer()
    for trade in trades:
        ratio = Fraction(1)
        for time, new_per_old in splits:
            ratio *= new_per_old if trade.time < time else 1
        quantity, price = trade.quantity * ratio, trade.price / ratio
        answer.cash -= quantity * price * multiplier + trade.fee
        answer.realized -= trade.fee
        if costing == "average" and answer.lots:
            answer.lots = [[answer.quantity, answer.average]]
        answer.quantity += quantity
        while quantity and answer.lots and (answer.lots[0][0] > 0) != (quantity > 0):
            lot = answer.lots[-1 if costing == "lifo" else 0]
            closed = min(abs(lot[0]), abs(quantity)) * (1 if lot[0] > 0 else -1)
            answer.realized += closed * (price - lot[1]) * multiplier
            lot[0] -= closed
            quantity += closed
            answer.lots = [one for one in answer.lots if one[0]]
        if quantity:
            answer.lots.append([quantity, price])
    return answer
