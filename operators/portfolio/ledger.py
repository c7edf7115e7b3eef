"""Positions and their realised P&L, exact, from execution reports."""

from __future__ import annotations

from typing import Any

from operators.portfolio.output import LedgerOutput
from operators.portfolio.settings import PortfolioSettings
from schemas.control import Control
from schemas.events import Event
from schemas.holdings import Rate
from schemas.orders import ExecutionReport


class Ledger:
    """All positions of one shard of symbols, folded from their fills."""

    def __init__(self, settings: PortfolioSettings) -> None:
        """An empty one."""

    def on_report(self, event: Event[ExecutionReport]) -> LedgerOutput:
        """Apply a fill, bust, correction, transfer or cash report; all others are ignored."""
        raise NotImplementedError

    def on_control(self, control: Control) -> LedgerOutput:
        """Apply an instrument, an account's costing or a corporate action. Saying it again changes nothing."""
        raise NotImplementedError

    def on_rate(self, rate: Rate) -> LedgerOutput:
        """A rate of exchange became known: fees that waited for it are converted."""
        raise NotImplementedError

    def on_time(self, time_ns: int) -> LedgerOutput:
        """Event time has come this far: actions become effective; what waited too long for its fill becomes a dead letter."""
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered as plain data with a ``version``; later inputs leave it alone."""
        raise NotImplementedError

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot, on a ledger that has seen nothing."""
        raise NotImplementedError
