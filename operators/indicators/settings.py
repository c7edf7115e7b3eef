"""What can be set of indicators."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndicatorSettings:
    """Of the signals flow."""

    indicators: tuple[str, ...]
    """Such as ``macd(12,26,9)``; all are computed of every symbol and interval."""
    intervals: tuple[str, ...] = ()
    """Texts of the intervals of bars that the market flow makes, by their place."""
    lateness_ns: int = 0
    """Of the market flow, as the next: order flow has the windows of its bars."""
    quiet_after_ns: int = 1_000_000_000
