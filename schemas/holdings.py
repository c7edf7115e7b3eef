"""What the steps of the portfolio flow tell one another: absolute, versioned, so that hearing it twice changes nothing."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.events import Place


class Rate(msgspec.Struct, frozen=True, gc=False):
    """What one unit of ``base`` is worth in ``quote``: the mid of the pair's quote, else its last trade."""

    base: str
    quote: str
    mid: Decimal
    time_ns: int
    place: Place


class Holding(msgspec.Struct, frozen=True, gc=False):
    """A position after what changed it, for its marks and its account. Money is in ``currency``, the instrument's, since the beginning."""

    account: str
    symbol: str
    version: int
    quantity: Decimal
    average_price: Decimal | None
    cost_basis: Decimal
    realized: Decimal | None
    """Net of fees; None while a fee's rate is unknown."""
    fees: Decimal | None
    cash: Decimal
    """What fills and dividends moved in cash: of a margined instrument realised P&L and fees, of others the whole notional too."""
    foreign_fees: tuple[tuple[str, Decimal], ...]
    """Fees in a third currency, by currency; not in ``cash``, but in ``realized`` at the rate of their time."""
    moved: Decimal
    """Worth of what transfers moved in, less what they moved out; neither P&L nor cash."""
    currency: str
    multiplier: Decimal
    inverse: bool
    is_margined: bool
    correlation_id: str
    time_ns: int
    place: Place
    reason: str | None = None
    """Why a value is None."""


class CashMove(msgspec.Struct, frozen=True, gc=False):
    """Cash that came to an account or left it; told once."""

    account: str
    execution_id: str
    amount: Decimal
    currency: str
    is_income: bool
    """Interest or a fee: part of the account's P&L. Else a deposit or a withdrawal, which is none."""
    correlation_id: str
    time_ns: int
    place: Place
