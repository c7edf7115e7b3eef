"""What a person says to the running flows: instruments, accounts, limits, corporate actions (``control.*``, compacted by own id)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from schemas.events import NOWHERE, Payload, Place, Time
from schemas.market import Symbol

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Positive = Annotated[Decimal, Meta(description="decimal text or JSON number, greater than 0")]

Rule = Literal[
    "position",
    "order_notional",
    "daily_notional",
    "order_rate",
    "gross_exposure",
    "net_exposure",
    "concentration",
    "drawdown",
    "daily_loss",
    "var_parametric",
    "var_ewma",
    "var_historical",
    "expected_shortfall",
    "volatility",
    "margin_cushion",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "price_band",
    "stale_price",
]


class Limit(Payload, frozen=True):
    """A limit on ``control.limits``: evaluated on arrival against present values, then at each event."""

    limit_id: Id
    rule: Rule
    scope: Literal["firm", "account", "symbol", "account+symbol"]
    threshold: Positive
    account: str | None = None
    symbol: Symbol | None = None
    clear: Decimal | None = None
    """Where a breach ends; null: 90% of the threshold."""
    window: str | None = None
    on_breach: Literal["alert", "halt"] = "alert"
    on_trigger: Literal["alert", "close"] = "alert"
    enabled: bool = True


class Instrument(Payload, frozen=True):
    """An instrument on ``control.instruments``."""

    symbol: Symbol
    type: str = "equity"
    multiplier: Decimal = Decimal(1)
    currency: str = "USD"
    base_currency: str | None = None
    inverse: bool = False
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    allow_negative: bool = False
    """Prices below zero are prices (spreads, some futures), not errors."""


Costing = Literal["average", "fifo", "lifo"]
"""Which lots a reducing fill takes: all alike, the oldest, the newest."""


class Account(Payload, frozen=True):
    """An account on ``control.accounts``: opened with its cash. A later record of the account replaces it."""

    account: Id
    currency: str = "USD"
    cash: Decimal = Decimal(0)
    costing: Costing | None = None
    """null: as ``portfolio.costing`` says."""


class Trading(Payload, frozen=True):
    """Who may trade, on ``control.trading``: the stricter of the firm's and the account's state holds."""

    scope: Literal["firm", "account"]
    state: Literal["ACTIVE", "REDUCING", "HALTED"]
    """All orders; only those that reduce a position; none, and open ones are cancelled."""
    account: str | None = None
    reason: str | None = None
    user: str | None = None


class Action(Payload, frozen=True):
    """A corporate action on ``control.actions``, in force for what was held before its time (``timestamp``, else the header's)."""

    action: Literal["split", "dividend"]
    symbol: Symbol
    ratio: Decimal | None = None
    """Of a split: new shares per old."""
    amount: Decimal | None = None
    """Of a dividend: per share; shorts pay it."""
    currency: str | None = None
    """Of a dividend; null: the instrument's."""
    cash_in_lieu: Decimal | None = None
    """Of a split: price per new share at which fractions below the lot size are paid out; null: fractions are kept."""
    timestamp: Time | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """One control event, or its removal, as every shard gets it."""

    topic: str
    id: str
    payload: Payload | None
    """None: the entry was deleted (a tombstone)."""
    time_ns: int = 0
    """Event time; 0: none of its own, it is in force when it arrives."""
    event_id: str = ""
    place: Place = NOWHERE
    """The record that it was."""
