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
