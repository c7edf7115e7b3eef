"""Positions, their P&L, and accounts.

What a fill makes is exact (decimal text on the wire); what a mark makes is a JSON number. What cannot be known is null, with the reason.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.control import Costing
from schemas.events import Payload


class Lot(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is left of one opening fill."""

    quantity: Decimal
    """Above 0 long, below 0 short."""
    price: Decimal


class PositionUpdate(Payload, frozen=True):
    """POSITION_UPDATE on ``portfolio.positions``: a position after a report that changed it. All numbers are since its beginning.

    What another program leaves out has the default shown; ours leaves out nothing.
    """

    account: str
    symbol: str
    quantity: Decimal
    """Above 0 long, below 0 short."""
    average_price: Decimal | None = None
    """Of what is open; harmonic of an inverse contract; null when flat."""
    realized_pnl: Decimal | None = None
    """Net of fees, in ``currency``; null while a rate is unknown (``reason``)."""
    fees: Decimal | None = None
    """Paid (below 0: received), in ``currency``; null while a rate is unknown."""
    cost_basis: Decimal = Decimal(0)
    """What the open quantity cost, signed like it."""
    currency: str = "USD"
    """Of the instrument."""
    costing: Costing = "average"
    lots: tuple[Lot, ...] = ()
    """Oldest first; empty with average cost."""
    version: int = 0
    """1, 2, ...: counts what changed the position; without it the position is refused."""
    reason: str | None = None


class PnlChange(Payload, frozen=True):
    """PNL_CHANGE on ``portfolio.pnl``: a position at a mark, conflated per batch."""

    account: str
    symbol: str
    quantity: float
    average_price: float | None
    mark: float | None
    unrealized_pnl: float | None
    realized_pnl: float | None
    total_pnl: float | None
    currency: str
    version: int
    """Of the position."""
    reason: str | None = None
    """Why a value is null."""


class BalanceUpdate(Payload, frozen=True):
    """BALANCE_UPDATE on ``portfolio.accounts``: an account in its own currency. Null: a mark or a rate is unknown (``reason``)."""

    account: str
    currency: str = "USD"
    cash: Decimal | None = None
    equity: float | None = None
    """Cash and what the open positions are worth."""
    realized_pnl: float | None = None
    """Net of fees, since the account's beginning."""
    unrealized_pnl: float | None = None
    day_pnl: float | None = None
    """Realised and unrealised since the start of the day (UTC)."""
    gross_exposure: float | None = None
    net_exposure: float | None = None
    high_water_mark: float | None = None
    """Largest equity so far; money that comes or goes moves it along."""
    reason: str | None = None
