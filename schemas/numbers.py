"""Decimals from outside: which are numbers that can be computed with."""

from __future__ import annotations

from decimal import Decimal

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord

MAX_EXPONENT = 300
"""Numbers are computed with as doubles too, which end at 1e308."""


def check_finite(field: str, value: Decimal) -> None:
    """Refuse NaN, infinity, and what no double can hold.

    Raises:
        RejectedRecord: with reason ``number``; names the field.
    """
    if not value.is_finite():
        raise RejectedRecord(Reason.NUMBER, f"{field}: expected a finite number, found {value}")
    if value and abs(value.adjusted()) > MAX_EXPONENT:
        raise RejectedRecord(Reason.NUMBER, f"{field}: expected a number between 1e-{MAX_EXPONENT} and 1e{MAX_EXPONENT}, found {value:.6e}")
