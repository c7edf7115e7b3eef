"""Efficiency ratio."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import WindowSum


class Er(Indicator):
    """``er(n)`` (Perry Kaufman, 1995): ``|close - close n bars ago| / sum of the n changes between, each without sign``: 0 to 1.

    None for the first n bars; 0 where nothing moved.
    """

    __slots__ = ("_changes", "_closes", "n")

    def __init__(self, n: int) -> None:
        self._closes: list[float] = []
        self._changes = WindowSum(n)
        self.n = n

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        closes = self._closes
        closes.append(bar.close)
        if len(closes) > self.n + 1:
            del closes[0]
        if len(closes) < 2:
            return None
        path = self._changes.add(abs(bar.close - closes[-2]))
        if path is None:
            return None
        return min(abs(bar.close - closes[0]) / path, 1.0) if path > 0.0 else 0.0
