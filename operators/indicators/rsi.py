"""Relative strength index."""

from __future__ import annotations

from operators.indicators.averages import wilder
from operators.indicators.indicator import Indicator, PriceBar


class Rsi(Indicator):
    """``rsi(n)``: ``100 * up / (up + down)``, up and down Wilder's averages of the rises and falls of closes (New Concepts, 1978).

    Both are seeded with the means of the first n changes, so the first value is at bar n + 1. None while no price has moved.
    """

    __slots__ = ("_close", "_down", "_up")

    def __init__(self, n: int) -> None:
        self._close: float | None = None
        self._up = wilder(n)
        self._down = wilder(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        before, self._close = self._close, bar.close
        if before is None:
            return None
        change = bar.close - before
        up = self._up.add(change if change > 0.0 else 0.0)  # noqa: FURB136  (a third of its time)
        down = self._down.add(-change if change < 0.0 else 0.0)
        if up is None or down is None:
            return None
        moved = up + down
        return 100.0 * (up / moved) if moved > 0.0 else None
