"""Rate of change."""

from __future__ import annotations

from collections import deque

from operators.indicators.indicator import Indicator, PriceBar


class Roc(Indicator):
    """``roc(n)``: ``100 * (close / close n bars ago - 1)``, in percent; None for the first n bars and where the close then was 0."""

    __slots__ = ("_closes", "n")

    def __init__(self, n: int) -> None:
        self._closes: deque[float] = deque(maxlen=n)
        self.n = n

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        closes = self._closes
        then = closes[0] if len(closes) == self.n else 0.0
        closes.append(bar.close)
        return 100.0 * (bar.close - then) / then if then else None
