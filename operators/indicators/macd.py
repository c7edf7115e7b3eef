"""Moving average convergence and divergence."""

from __future__ import annotations

from operators.indicators.averages import exponential
from operators.indicators.indicator import Indicator, PriceBar


class Macd(Indicator):
    """``macd(fast,slow,signal)`` (Gerald Appel): macd = ema(fast) - ema(slow) of closes; signal = ema of macd; histogram = macd - signal.

    Each average is seeded with the mean of its first values: macd begins at bar ``slow``, signal and histogram ``signal - 1`` bars later.
    """

    __slots__ = ("_fast", "_signal", "_slow")

    def __init__(self, fast: int, slow: int, signal: int) -> None:
        self._fast = exponential(fast)
        self._slow = exponential(slow)
        self._signal = exponential(signal)

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        fast, slow = self._fast.add(bar.close), self._slow.add(bar.close)
        if fast is None or slow is None:
            return None
        macd = fast - slow
        signal = self._signal.add(macd)
        return {"macd": macd, "signal": signal, "histogram": None if signal is None else macd - signal}
