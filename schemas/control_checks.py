"""Rules across the fields of what a person says: which limits and instruments make sense at all.

The stream and the forms (``trademaster/forms.py``) both call these, so that what one accepts the other does too.
"""

from __future__ import annotations

from decimal import Decimal

from schemas.control import Instrument, Limit
from schemas.dead_letters import Reason
from schemas.durations import parse_duration
from schemas.errors import RejectedRecord
from schemas.symbols import MAX_SYMBOL_BYTES

FALLS_BELOW = frozenset({"margin_cushion"})
"""Rules that are broken by a value *below* the threshold; so they end above it."""

MAX_EXPONENT = 300
"""Numbers are computed with as doubles too, which end at 1e308."""

SCOPES_OF_RULE = {"price_band": ("symbol", "firm")}
"""Rules that do not go with every scope. A price belongs to a symbol, never to an account."""


def check_limit(limit: Limit) -> None:
    """Refuse a limit that cannot be put in force.

    Raises:
        RejectedRecord: with reason ``control``, or ``number`` for one that is not finite; names the field as it stands on the wire.
    """
    if limit.symbol is not None:
        _check_symbol(limit.symbol)
    _check_finite("threshold", limit.threshold)
    if limit.threshold <= 0:
        raise _rejected(f"threshold: expected a number greater than 0, found {limit.threshold}")
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
        _check_finite(field, value)
        if value < 0 or (value == 0 and not field.endswith("Margin")):
            least = "0 or more" if field.endswith("Margin") else "a number greater than 0"
            raise _rejected(f"{field}: expected {least}, found {value}")


def _check_clear(limit: Limit) -> None:
    if limit.clear is None:
        return
    _check_finite("clear", limit.clear)
    if limit.rule in FALLS_BELOW:
        if limit.clear <= limit.threshold:
            raise _rejected(f"clear: expected more than the threshold of {limit.threshold}, found {limit.clear}")
    elif not 0 < limit.clear < limit.threshold:
        raise _rejected(f"clear: expected more than 0 and less than the threshold of {limit.threshold}, found {limit.clear}")


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


def _check_finite(field: str, value: Decimal) -> None:
    if not value.is_finite():
        raise RejectedRecord(Reason.NUMBER, f"{field}: expected a finite number, found {value}")
    if value and abs(value.adjusted()) > MAX_EXPONENT:
        raise RejectedRecord(Reason.NUMBER, f"{field}: expected a number between 1e-{MAX_EXPONENT} and 1e{MAX_EXPONENT}, found {value:.6e}")


def _rejected(detail: str) -> RejectedRecord:
    return RejectedRecord(Reason.CONTROL, detail)
