"""Signals: what a strategy would do now, said once for each change of its mind."""

from __future__ import annotations

from typing import Literal

from schemas.events import Payload, Time
from schemas.market import Symbol

SignalAction = Literal["buy", "sell", "flat"]


class Signal(Payload, frozen=True):
    """SIGNAL_GENERATED on ``signals``: the action of a strategy on a symbol changed with a bar."""

    symbol: Symbol
    strategy: str
    action: SignalAction
    strength: float
    """0 to 1: how sure the strategy is; 1 where its expression does not say."""
    price: float
    """Close of the bar."""
    bar_end: Time
    indicators: dict[str, float | dict[str, float | None] | None]
    """Those that the expression names, by their configured text."""
    interval: str | None
