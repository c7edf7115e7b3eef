"""Risk of accounts and of the firm: exposure, margin, and what was changed by whom.

Money is in ``currency``, the account's own; of the firm the pivot currency. What cannot be known is null, with the reason.
"""

from __future__ import annotations

from typing import Any, Literal

from schemas.events import Payload

Scope = Literal["firm", "account"]


class ExposureUpdate(Payload, frozen=True):
    """EXPOSURE_UPDATE on ``risk.exposure``: an account (or, with no account, the firm) as it stands; absolute: the last one holds."""

    scope: Scope
    account: str | None
    currency: str
    equity: float | None
    gross_exposure: float | None
    """Sum of the positions' absolute worth."""
    net_exposure: float | None
    """Signed sum."""
    leverage: float | None
    """Gross exposure over equity."""
    largest_weight: float | None
    """Of one symbol in the gross exposure, 0 to 1."""
    largest_symbol: str | None
    hhi: float | None
    """Herfindahl-Hirschman index: sum of the squared weights, 1 / n to 1."""
    margin_used: float | None
    """Initial margin of all positions."""
    maintenance_margin: float | None
    margin_cushion: float | None
    """(equity - maintenance margin) / equity."""
    drawdown: float | None
    """1 - equity / high-water mark, 0 at the mark."""
    day_pnl: float | None
    var_historical: float | None
    """The four below: positive losses as fractions of equity, over ``horizon`` bars at ``confidence``."""
    var_parametric: float | None
    var_ewma: float | None
    expected_shortfall: float | None
    realized_volatility: float | None
    """Root of the sum of squared returns of the positions as they stand, over the window."""
    beta: float | None
    """Of the positions as they stand to ``beta_symbol``."""
    beta_symbol: str | None
    interval: str
    """Of the bars whose returns are used."""
    observations: int
    """Returns that are used."""
    confidence: float
    horizon: int
    """In bars."""
    version: int
    """1, 2, ...: counts the updates."""
    reason: str | None = None
    """Why a value is null."""


class MarginUpdate(Payload, frozen=True):
    """MARGIN_UPDATE on ``risk.exposure``: when what an account's margin requires changed."""

    account: str
    currency: str
    equity: float | None
    margin_used: float | None
    maintenance_margin: float | None
    margin_cushion: float | None
    version: int
    reason: str | None = None


class Audit(Payload, frozen=True):
    """AUDIT on ``audit``: somebody or some rule changed what is in force."""

    subject: str
    """Topic and id of what changed: ``control.limits/L1``, ``control.trading/account:A``."""
    action: Literal["set", "removed", "refused"]
    user: str | None
    before: dict[str, Any] | None
    """As it stood on the wire; null: nothing was in force."""
    after: dict[str, Any] | None
    reason: str | None = None
