"""Ichimoku Kinko Hyo."""

from __future__ import annotations

from operators.indicators.extremes import Extremes
from operators.indicators.indicator import Indicator, PriceBar


class Ichimoku(Indicator):
    """``ichimoku(tenkan,kijun,senkou)`` (Goichi Hosoda), such as 9, 26, 52: what a chart shows at the present bar.

    tenkan, kijun = middle of the last ``tenkan``, ``kijun`` bars. senkouA = middle of tenkan and kijun, senkouB = middle of
    ``senkou`` bars, both as they were ``kijun`` bars ago, for they are drawn that far ahead. chikou = the close, which is drawn ``kijun``
    bars back.
    """

    __slots__ = ("_base", "_conversion", "_past", "_wide", "kijun")

    def __init__(self, tenkan: int, kijun: int, senkou: int) -> None:
        self._conversion = Extremes(tenkan)
        self._base = Extremes(kijun)
        self._wide = Extremes(senkou)
        self._past: list[tuple[float | None, float | None]] = []
        self.kijun = kijun

    def update(self, bar: PriceBar) -> dict[str, float | None]:
        """Take the next bar."""
        tenkan, kijun, wide = _middle(self._conversion, bar), _middle(self._base, bar), _middle(self._wide, bar)
        past = self._past
        past.append((None if tenkan is None or kijun is None else (tenkan + kijun) / 2.0, wide))
        span_a, span_b = past.pop(0) if len(past) > self.kijun else (None, None)
        return {"tenkan": tenkan, "kijun": kijun, "senkouA": span_a, "senkouB": span_b, "chikou": bar.close}


def _middle(extremes: Extremes, bar: PriceBar) -> float | None:
    return (extremes.high + extremes.low) / 2.0 if extremes.add(bar.high, bar.low) else None
