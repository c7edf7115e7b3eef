"""What an instrument makes of a quantity at a price, linear or inverse."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from operators.portfolio.exact import ONE, ZERO, multiply, quotient, shown_quotient
from schemas.control import Instrument

MARGINED_TYPES = frozenset(
    {"future", "futures", "perpetual", "perp", "swap", "cfd", "forward", "inverse", "inverse_perpetual", "inverse_future"}
)
"""Types (in lower case) of which only gains and losses move cash."""


class Terms(NamedTuple):
    """Of an instrument, as far as its fills are concerned."""

    multiplier: Decimal
    inverse: bool
    currency: str
    base_currency: str | None
    is_margined: bool
    allow_negative: bool
    lot_size: Decimal | None

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What a signed quantity costs at a price, in the instrument's currency.

        Of an inverse contract it is ``-quantity * multiplier / price``, so that of both kinds the profit of a round trip is what the sale
        brought less what the purchase cost.
        """
        if self.inverse:
            return quotient(multiply(quantity, self.multiplier), price).copy_negate()
        value = multiply(quantity, price)
        return value if self.multiplier == ONE else multiply(value, self.multiplier)

    def price(self, quantity: Decimal, value: Decimal) -> Decimal:
        """The price at which a quantity costs that value: the average, harmonic of an inverse contract."""
        if self.inverse:  # of a price so high that the contract is worth nothing there is no telling
            return shown_quotient(multiply(quantity, self.multiplier).copy_negate(), value) if value else ZERO
        return shown_quotient(value, quantity if self.multiplier == ONE else multiply(quantity, self.multiplier))

    @property
    def economics(self) -> tuple[object, ...]:
        """What must not change under an open position."""
        return self.multiplier, self.inverse, self.currency, self.is_margined


def is_margined(instrument: Instrument) -> bool:
    """Whether only gains and losses move cash, not the notional."""
    return instrument.inverse or instrument.type.lower().replace("-", "_").replace(" ", "_") in MARGINED_TYPES


def terms_of(instrument: Instrument) -> Terms:
    """The terms of an instrument."""
    return Terms(
        instrument.multiplier,
        instrument.inverse,
        instrument.currency,
        instrument.base_currency,
        is_margined(instrument),
        instrument.allow_negative,
        instrument.lot_size,
    )


UNKNOWN = terms_of(Instrument(""))
"""Of an instrument that nobody defined."""
