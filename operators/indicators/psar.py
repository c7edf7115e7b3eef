"""Parabolic stop and reverse."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar


class Psar(Indicator):
    """``psar(step,max)`` (Wilder, New Concepts, 1978): the price at which a trend is taken to turn.

    In a trend ``sar = sar + factor * (extreme - sar)``, never within the range of the two bars before. The factor starts with ``step`` and
    grows by it with every new extreme, up to ``max``. A bar beyond sar reverses: sar becomes the extreme. The first trend is a guess
    (rising, from the first low), so None up to and with the first reversal, as in Stock.Indicators.
    """

    __slots__ = ("_before", "_earlier", "_extreme", "_factor", "_has_reversed", "_is_rising", "_sar", "most", "step")

    def __init__(self, step: float, most: float) -> None:
        self.step = step
        self.most = most
        self._factor = step
        self._is_rising = True
        self._has_reversed = False
        self._sar = 0.0
        self._extreme = 0.0
        self._before: tuple[float, float] | None = None  # high, low
        self._earlier: tuple[float, float] | None = None  # of the bar before that

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        before, earlier = self._before, self._earlier
        self._earlier, self._before = before, (bar.high, bar.low)
        if before is None:
            self._sar, self._extreme = bar.low, bar.high
            return None
        was_told = self._has_reversed
        sar = self._sar + self._factor * (self._extreme - self._sar)
        if self._is_rising:
            if earlier is not None:
                sar = min(sar, before[1], earlier[1])
            is_reversal, is_further = bar.low < sar, bar.high > self._extreme
        else:
            if earlier is not None:
                sar = max(sar, before[0], earlier[0])
            is_reversal, is_further = bar.high > sar, bar.low < self._extreme
        self._sar = self._extreme if is_reversal else sar
        if is_reversal:
            self._is_rising = not self._is_rising
            self._has_reversed = True
            self._factor = self.step
        elif is_further:
            self._factor = min(self._factor + self.step, self.most)
        if is_reversal or is_further:
            self._extreme = bar.high if self._is_rising else bar.low
        return self._sar if was_told else None
