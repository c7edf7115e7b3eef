"""Exact sums of decimals.

Sums and products never round. Only quotients do, once, to QUANTUM; what a quotient takes out of one sum goes whole into another, so that
no sum of both ever shows it.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

ZERO, ONE = Decimal(0), Decimal(1)
QUANTUM = Decimal("1E-40")
"""Unit in the last place of a quotient that does not end."""

EXACT = Context(prec=1400, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])
"""Room for what the bounds of ``schemas.numbers`` let in, so that sums and products of them do not round."""
_QUOTIENT = Context(prec=80, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])
_CONVERTED = Context(prec=25, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])
_SHOWN = Context(prec=28, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])

add, subtract, multiply = EXACT.add, EXACT.subtract, EXACT.multiply


def quotient(value: Decimal, by: Decimal) -> Decimal:
    """``value / by``; to QUANTUM where it does not end."""
    result = _QUOTIENT.divide(value, by)
    return result if EXACT.multiply(result, by) == value else EXACT.quantize(result, QUANTUM)


def proportion(of: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """``of * part / whole``; all of it where the part is the whole."""
    return of if part == whole else quotient(EXACT.multiply(of, part), whole)


def converted(amount: Decimal, rate: Decimal) -> Decimal:
    """``amount * rate``; in 25 significant digits where the rate is a quotient that does not end: 300 yen at 1/150 are 2 dollars."""
    product = EXACT.multiply(amount, rate)
    return product if len(rate.as_tuple().digits) < 28 else _CONVERTED.plus(product)  # a mid is a double, of 17 digits at most


def shown(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent above 0: ``100``, not ``1E+2``."""
    if not value:
        return ZERO
    plain = EXACT.normalize(value)
    return EXACT.quantize(plain, ONE) if "E+" in str(plain) else plain


def shown_quotient(value: Decimal, by: Decimal) -> Decimal:
    """``value / by`` in 28 significant digits, as ``shown``."""
    return shown(_SHOWN.divide(value, by))
