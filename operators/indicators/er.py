"""Efficiency ratio."""

from __future__ import annotations

from collections import deque

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.window import Window


class Er(Indicator):
    """``er(n)`` (Perry Kaufman, 1995): ``|close - close n bars ago| / sum of the n changes between, each without sign``: 0 to 1.

    None for the first n bars; 0 where nothing moved.
    """

    __slots__ = ("_changes", "_closes")

    def __init__(self, n: int) -> None:
        self._closes: deque[float] = deque(maxlen=n + 1)
        self._changes = Window(n)

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        closes = self._closes
        closes.append(bar.close)
        if len(closes) < 2 or not self._changes.add(abs(bar.close - closes[-2])):
            return None
        path = self._changes.sum
        return min(abs(bar.close - closes[0]) / path, 1.0) if path > 0.0 else 0.0
