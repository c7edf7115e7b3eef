"""Arithmetic of quantities and money: exact inside, rounded to 28 significant digits where a quotient goes out."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

EXACT = Context(prec=5000, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Sums and products of anything that ``schemas.numbers`` lets in; digits that a number does not have cost nothing."""

OUTPUT = Context(prec=28)

ZERO = Decimal(0)


def plain(value: Decimal | None) -> Decimal | None:
    """The same number, written without a positive exponent: 100, not 1E+2."""
    return Decimal(format(value, "f")) if value is not None and "E+" in str(value) else value


def shortest(value: Decimal) -> Decimal:
    """The same number without trailing zeros, as a product of settings has them: 25, not 25.00."""
    return plain(EXACT.normalize(value)) or ZERO
