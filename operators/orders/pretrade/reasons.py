"""Why an order is refused before it leaves: ``CODE: text that says what was expected and what was found``."""

from __future__ import annotations

from operators.orders.decimals import shortest
from schemas.times import format_time

TRADING_HALTED = "TRADING_HALTED"
TRADING_REDUCING = "TRADING_REDUCING"
RESTRICTED_SYMBOL = "RESTRICTED_SYMBOL"
POSITION_LIMIT = "POSITION_LIMIT"
ORDER_RATE_LIMIT = "ORDER_RATE_LIMIT"
ORDER_NOTIONAL_LIMIT = "ORDER_NOTIONAL_LIMIT"
DAILY_NOTIONAL_LIMIT = "DAILY_NOTIONAL_LIMIT"
GROSS_EXPOSURE_LIMIT = "GROSS_EXPOSURE_LIMIT"
NET_EXPOSURE_LIMIT = "NET_EXPOSURE_LIMIT"
PRICE_COLLAR = "PRICE_COLLAR"
BUYING_POWER = "BUYING_POWER"
PRICE_UNKNOWN = "PRICE_UNKNOWN"

HARD = frozenset({TRADING_HALTED, TRADING_REDUCING, RESTRICTED_SYMBOL, POSITION_LIMIT})
"""Somebody must hear of these: the refusal of an order is ORDER_REJECTED_CRITICAL, and stands on ``risk.alerts`` too."""

shown = shortest
"""A number as a reason shows it."""


def is_hard(reason: str | None) -> bool:
    """Whether a refusal is a critical event, by its code."""
    return reason is not None and reason.partition(":")[0] in HARD


def age(as_of_ns: int, now_ns: int) -> str:
    """How old the firm-wide values are that a check used; event time."""
    return f"firm-wide values as of {format_time(as_of_ns)}, {max(now_ns - as_of_ns, 0) / 1e9:.3f} s old"
