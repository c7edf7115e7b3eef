"""What can be set of risk."""

from __future__ import annotations

from dataclasses import dataclass, field

from operators.risk.statistics.portfolio import RiskSettings


@dataclass(frozen=True, slots=True)
class RiskFlowSettings:
    """Of the risk flow."""

    interval: str = "1m"
    """Of the bars whose returns are used."""
    intervals: tuple[str, ...] = ("1s", "1m")
    """Of the bars of ours, in their order."""
    window: int = 252
    """Returns that are used, at most."""
    numbers: RiskSettings = field(default_factory=RiskSettings)
    beta_symbol: str | None = None
    currency: str = "USD"
    """Of an account that nobody opened."""
    pivot: str = "USD"
    """Of the firm, and the currency through which two others are converted that have no pair."""
    conflate_ns: int = 0
    """Event time for which updates of exposure may wait while more accounts change at once than can be said one by one; 0: none."""
    small: int = 32
    """So many accounts are said at once, whatever ``conflate`` is: nobody is behind."""
