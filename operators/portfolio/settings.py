"""What can be set of positions and accounts."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.control import Costing


@dataclass(frozen=True, slots=True)
class PortfolioSettings:
    """Of the portfolio flow."""

    costing: Costing = "average"
    currency: str = "USD"
    """Of an account that nobody opened."""
    pivot: str = "USD"
    """Currency through which two others are converted that have no pair."""
    opens_accounts: bool = True
    """A report of an account that nobody opened opens it with no cash; else it becomes a dead letter."""
    park_for_ns: int = 3_600_000_000_000
    """Event time for which a bust or correction waits for its fill."""
    fills_kept: int = 10_000
    """Fills of a position that can be busted or corrected; older ones are final."""
    conflate_ns: int = 0
    """Event time for which P&L may wait while more ticks come at once than can be said one by one; 0: none."""
