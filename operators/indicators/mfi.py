"""Money flow index."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import WindowSum


class Mfi(Indicator):
    """``mfi(n)``: ``100 * up / (up + down)``: the sums over n bars of ``p * volume`` where p = (high + low + close) / 3 rose, fell.

    The first bar has no p before it: first value at bar n + 1. None where no money flowed.
    """

    __slots__ = ("_down", "_price", "_up")

    def __init__(self, n: int) -> None:
        self._price: float | None = None
        self._up = WindowSum(n)
        self._down = WindowSum(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        price = (bar.high + bar.low + bar.close) / 3.0
        before, self._price = self._price, price
        if before is None:
            return None
        flow = price * bar.volume
        up = self._up.add(flow if price > before else 0.0)
        down = self._down.add(flow if price < before else 0.0)
        if up is None or down is None:
            return None
        moved = up + down
        return 100.0 * (up / moved) if moved > 0.0 else None
