"""What can be set of the signals flow."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from operators.indicators.settings import IndicatorSettings


@dataclass(frozen=True, slots=True)
class StrategySettings:
    """A strategy as it was configured: one expression that gives an action, or conditions of actions."""

    name: str
    expression: str = ""
    """Gives ``'buy'``, ``'sell'`` or ``'flat'``; empty: the three conditions say it."""
    buy: str = ""
    """Is true when to buy. The first of buy, sell, flat that is true wins; where none is, the last action stands."""
    sell: str = ""
    flat: str = ""
    strength: str = ""
    """Gives a number, which is cut to 0..1; empty: 1."""
    symbols: tuple[str, ...] = ()
    """None: all."""
    interval: str = ""
    """Of the bars that it looks at; empty: all, each apart from the others."""


@dataclass(frozen=True, slots=True)
class SignalsSettings:
    """Of the signals flow."""

    indicators: IndicatorSettings
    strategies: tuple[StrategySettings, ...] = ()
    account: str = ""
    """Whose orders follow the signals; empty: none do."""
    quantity: Decimal = Decimal(100)
    """Of a target position, long or short."""
    allows_short: bool = True
    """``sell`` goes short; else it closes."""
