"""Rules across the fields of what a person says: which control events make sense at all.

The stream and the forms (``trademaster/forms.py``) both call these, so that what one accepts the other does too.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas.control import Account, Action, Instrument, Limit, Trading
from schemas.dead_letters import Reason
from schemas.durations import parse_duration
from schemas.errors import RejectedRecord
from schemas.events import Payload
from schemas.numbers import check_finite
from schemas.symbols import MAX_SYMBOL_BYTES

_NINE_TENTHS = Decimal("0.9")

FALLS_BELOW = frozenset({"margin_cushion"})
"""Rules that are broken by a value *below* the threshold; so they end above it."""

_OF_WHOLES = ("account", "firm")
SCOPES_OF_RULE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("drawdown", "daily_loss", "margin_cushion"), _OF_WHOLES),
    **dict.fromkeys(("var_parametric", "var_ewma", "var_historical", "expected_shortfall"), _OF_WHOLES),
    "volatility": ("account", "symbol", "firm"),
    **dict.fromkeys(("stop_loss", "take_profit"), ("account+symbol", "symbol")),
    "price_band": ("symbol", "firm"),
}
"""Rules that do not go with every scope. Equity and what follows from it belong to an account or the firm; a price, of a band or of a stop,
to a symbol. All other rules go with all: on an account or the firm ``position``, ``trailing_stop`` and ``stale_price`` hold each of its
symbols."""

FRACTIONS = frozenset(
    {"concentration", "drawdown", "margin_cushion", "trailing_stop", "var_parametric", "var_ewma", "var_historical", "expected_shortfall"}
)
"""Rules whose threshold is a share of a whole: 10 is no share, but a slip for 0.10."""

MAX_ORDER_RATE = 10_000
"""Largest threshold of ``order_rate``: so many orders of an account are remembered, and one more."""

NEVER_HALTS = frozenset({"price_band"})
"""Rules whose breach cannot stop trading: the flow that judges it knows no accounts."""


def check_control(payload: Payload) -> None:
    """Refuse what cannot be put in force.

    Raises:
        RejectedRecord: with its reason.
    """
    CHECKS[type(payload)](payload)


def check_limit(limit: Limit) -> None:
    """Refuse a limit that cannot be put in force.

    Raises:
        RejectedRecord: with reason ``control``, or ``number`` for one that is not finite; names the field as it stands on the wire.
    """
    if limit.symbol is not None:
        _check_symbol(limit.symbol)
    check_finite("threshold", limit.threshold)
    if limit.threshold <= 0:
        raise _rejected(f"threshold: expected a number greater than 0, found {limit.threshold}")
    _check_threshold(limit)
    _check_clear(limit)
    scopes = SCOPES_OF_RULE.get(limit.rule)
    if scopes and limit.scope not in scopes:
        raise _rejected(f"scope: expected {' or '.join(scopes)} for rule {limit.rule}, found {limit.scope}")
    for field, value in (("symbol", limit.symbol), ("account", limit.account)):
        if field in limit.scope.split("+") and not value:
            raise _rejected(f"{field}: expected one, for the scope is {limit.scope}, found none")
    if limit.window is not None:
        _check_window(limit.window)


def check_instrument(instrument: Instrument) -> None:
    """Refuse an instrument whose numbers mean nothing.

    Raises:
        RejectedRecord: with reason ``control`` or ``number``.
    """
    _check_symbol(instrument.symbol)
    numbers = {
        "multiplier": instrument.multiplier,
        "tickSize": instrument.tick_size,
        "lotSize": instrument.lot_size,
        "initialMargin": instrument.initial_margin,
        "maintenanceMargin": instrument.maintenance_margin,
    }
    for field, value in numbers.items():
        if value is None:
            continue
        check_finite(field, value)
        if value < 0 or (value == 0 and not field.endswith("Margin")):
            least = "0 or more" if field.endswith("Margin") else "a number greater than 0"
            raise _rejected(f"{field}: expected {least}, found {value}")


def check_account(account: Account) -> None:
    """Refuse an account that cannot be opened.

    Raises:
        RejectedRecord: with reason ``control`` or ``number``.
    """
    check_finite("cash", account.cash)
    if not account.currency:
        raise _rejected("currency: expected one, found an empty text")


def check_trading(trading: Trading) -> None:
    """Refuse a state that is nobody's.

    Raises:
        RejectedRecord: with reason ``control``.
    """
    if trading.scope == "account" and not trading.account:
        raise _rejected("account: expected one, for the scope is account, found none")
    if trading.scope == "firm" and trading.account:
        raise _rejected(f"account: expected none, for the scope is firm, found {trading.account!r}")


def check_action(action: Action) -> None:
    """Refuse a split without a ratio, a dividend without an amount.

    Raises:
        RejectedRecord: with reason ``control`` or ``number``.
    """
    _check_symbol(action.symbol)
    for field, value in (("ratio", action.ratio), ("amount", action.amount), ("cashInLieu", action.cash_in_lieu)):
        if value is not None:
            check_finite(field, value)
    if action.action == "split" and (action.ratio is None or action.ratio <= 0):
        raise _rejected(f"ratio: expected new shares per old, greater than 0, found {action.ratio}")
    if action.action == "dividend" and action.amount is None:
        raise _rejected("amount: expected the dividend per share, found none")
    if action.cash_in_lieu is not None and action.cash_in_lieu < 0:
        raise _rejected(f"cashInLieu: expected 0 or more, found {action.cash_in_lieu}")


def _check_threshold(limit: Limit) -> None:
    if limit.rule in FRACTIONS and limit.threshold > 1:
        raise _rejected(f"threshold: expected a fraction such as 0.10, at most 1, for rule {limit.rule}, found {limit.threshold}")
    if limit.rule == "order_rate" and limit.threshold > MAX_ORDER_RATE:
        raise _rejected(f"threshold: expected at most {MAX_ORDER_RATE} orders, found {limit.threshold}")
    if limit.rule in NEVER_HALTS and limit.on_breach == "halt":
        raise _rejected(f"onBreach: expected alert for rule {limit.rule}, found halt")


def _check_clear(limit: Limit) -> None:
    if limit.clear is None:
        if limit.rule in FALLS_BELOW and limit.threshold >= _NINE_TENTHS:
            raise _rejected(
                f"threshold: expected less than 0.9 without a clear (a breach ends above threshold / 0.9), found {limit.threshold}"
            )
        return
    check_finite("clear", limit.clear)
    if limit.rule in FALLS_BELOW:
        if not limit.threshold <= limit.clear < 1:
            raise _rejected(f"clear: expected at least the threshold of {limit.threshold} and less than 1, found {limit.clear}")
    elif not 0 < limit.clear <= limit.threshold:
        raise _rejected(f"clear: expected more than 0 and at most the threshold of {limit.threshold}, found {limit.clear}")


def _check_window(window: str) -> None:
    try:
        window_ns = parse_duration(window)
    except ValueError as error:
        raise _rejected(f"window: {error}") from None
    if window_ns == 0:
        raise _rejected(f"window: expected a duration longer than 0, found {window!r}")


def _check_symbol(symbol: str) -> None:
    size = len(symbol.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_SYMBOL_BYTES:
        raise RejectedRecord(Reason.SYMBOL, f"symbol: expected 1 to {MAX_SYMBOL_BYTES} bytes, found {size} bytes")


def _rejected(detail: str) -> RejectedRecord:
    return RejectedRecord(Reason.CONTROL, detail)


CHECKS: dict[type[Payload], Callable[[Any], None]] = {
    Limit: check_limit,
    Instrument: check_instrument,
    Account: check_account,
    Action: check_action,
    Trading: check_trading,
}
"""The check of each control payload."""
