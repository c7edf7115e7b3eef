"""Ichimoku Kinko Hyo."""

from __future__ import annotations

from operators.indicators.extremes import Highest, Lowest
from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.piece import Piece


class _Middle(Piece):
    """Between the highest high and the lowest low of some bars."""

    __slots__ = ("_highest", "_lowest")

    def __init__(self, size: int) -> None:
        self._highest = Highest(size)
        self._lowest = Lowest(size)

    def add(self, bar: PriceBar) -> float | None:
        self._highest.add(bar.high)
        return (self._highest.value + self._lowest.value) / 2.0 if self._lowest.add(bar.low) else None


class Ichimoku(Indicator):
    """``ichimoku(tenkan,kijun,senkou)`` (Goichi Hosoda), such as 9, 26, 52: what a chart shows at the present bar.

    tenkan, kijun = middle of the last ``tenkan``, ``kijun`` bars. senkouA = middle of tenkan and kijun, senkouB = middle of
    ``senkou`` bars, both as they were ``kijun`` bars ago, for they are drawn that far ahead. chikou = the close, which is drawn ``kijun``
    bars back.
    """

    __slots__ = ("_base", "_conversion", "_past", "_wide", "kijun")

    def __init__(self, tenkan: int, kijun: int, senkou: int) -> None:
        self._conversion = _Middle(tenkan)
        self._base = _Middle(kijun)
        self._wide = _Middle(senkou)
        self._past: list[tuple[float | None, float | None]] = []
        self.kijun = kijun

    def update(self, bar: PriceBar) -> dict[str, float | None]:
        """Take the next bar."""
        tenkan, kijun, wide = self._conversion.add(bar), self._base.add(bar), self._wide.add(bar)
        past = self._past
        past.append((None if tenkan is None or kijun is None else (tenkan + kijun) / 2.0, wide))
        span_a, span_b = past.pop(0) if len(past) > self.kijun else (None, None)
        return {"tenkan": tenkan, "kijun": kijun, "senkouA": span_a, "senkouB": span_b, "chikou": bar.close}
