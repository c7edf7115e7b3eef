"""Alerts on ``risk.alerts``: edges of a limit, each episode one breach and one clear."""

from __future__ import annotations

from typing import Literal

from schemas.events import Payload


class Alert(Payload, frozen=True, omit_defaults=True):
    """RISK_LIMIT_BREACH, RISK_LIMIT_CLEARED and their kin."""

    alert_id: str
    """``limitId|key|episode``"""
    limit_id: str
    rule: str
    key: str
    """``account:A``, ``symbol:X``, ``account:A/symbol:X`` or ``firm``"""
    symbol: str | None
    account: str | None
    state: Literal["breach", "clear"]
    value: float
    """What was compared, at the edge."""
    threshold: float
    episode: int
    """1 for the first breach of this limit and key, then 2, ..."""
    position_version: int | None = None
    """Of a stop: the version of its position when it fired; absent from all others."""


class TradingChange(Payload, frozen=True):
    """TRADING_HALTED (or reduced) and TRADING_RESUMED: the state of ``control.trading`` changed."""

    scope: Literal["firm", "account"]
    account: str | None
    state: Literal["ACTIVE", "REDUCING", "HALTED"]
    before: Literal["ACTIVE", "REDUCING", "HALTED"]
    reason: str | None
    user: str | None
