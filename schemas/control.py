"""What a person says to the running flows: instruments and limits (``control.*``, compacted by own id)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from schemas.events import Payload
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


@dataclass(frozen=True, slots=True)
class Control:
    """One control event, or its removal, as every shard gets it."""

    topic: str
    id: str
    payload: Payload | None
    """None: the entry was deleted (a tombstone)."""
