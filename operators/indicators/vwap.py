"""Volume-weighted average price of a session."""

from __future__ import annotations

from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.total import Total

DAY_NS = 86_400_000_000_000


class Vwap(Indicator):
    """``vwap``: sum of ``(high + low + close) / 3 * volume`` over the sum of volumes, since the session's start; None before any volume.

    A session is a UTC day of bars shorter than a day; bars of a day or more are one session without end. Where a bar's length is unknown
    (only its end was given), a day that held more than one bar is taken for a session.
    """

    __slots__ = ("_bars", "_day", "_notional", "_volume")

    def __init__(self) -> None:
        self._day = -1
        self._bars = 0
        self._notional = Total()
        self._volume = Total()

    def update(self, bar: PriceBar) -> float | None:
        """Take the next bar."""
        day = bar.start // DAY_NS
        if day != self._day:
            if self._bars > 1 or 0 < bar.end - bar.start < DAY_NS:
                self._notional, self._volume = Total(), Total()
            self._day = day
            self._bars = 0
        self._bars += 1
        volume = self._volume.add(bar.volume)
        notional = self._notional.add((bar.high + bar.low + bar.close) / 3.0 * bar.volume)
        return notional / volume if volume > 0.0 else None
