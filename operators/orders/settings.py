"""What can be set of orders and of the paper exchange."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OrdersSettings:
    """Of the orders flow."""

    unknown_after_ns: int = 60_000_000_000
    """Event time for which a report on an unknown order waits for the order's command."""
    collar: Decimal | None = None
    """Most distance of a limit price from the last mark, as a fraction of the mark; None: any."""
    buying_power: Decimal | None = None
    """Gross exposure with open orders is at most so many times the equity; None: any."""
    restricted: tuple[str, ...] = ()
    """Symbols in which no order is placed."""


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """Of the paper exchange."""

    participation: Decimal = Decimal(1)
    """Share of a tick's size that all our orders together may take; 0 < share <= 1."""
    touch: float = 1.0
    """Probability that a tick at a limit's price fills it; one beyond always does."""
    latency_ns: int = 0
    """Event time from an order or a cancel to its effect."""
    jitter_ns: int = 0
    """Most that chance adds to the latency."""
    seed: int = 7
    fee_per_share: Decimal = Decimal(0)
    fee_rate: Decimal = Decimal(0)
    """Of the notional."""
    fee_minimum: Decimal = Decimal(0)
    venue: str = "PAPER"
