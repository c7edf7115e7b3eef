"""Rate of change."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar


class Roc(Indicator):
    """``roc(n)``: ``100 * (close / close n bars ago - 1)``, in percent; None for the first n bars and where the close then was 0."""

    __slots__ = ("_closes", "n")

    def __init__(self, n: int) -> None:
        self._closes: list[float] = []
        self.n = n

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        closes = self._closes
        closes.append(bar.close)
        then = closes.pop(0) if len(closes) > self.n else 0.0
        return 100.0 * (bar.close - then) / then if then else None
