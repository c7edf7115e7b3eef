"""What a fill on paper costs: so much a unit and a share of the notional, at least a minimum.

    fee = max(fee_minimum, fee_per_share * quantity + fee_rate * |price * quantity|)

A minimum of 0 is none, so that rates below 0 (rebates) pass. The notional knows no multiplier: the exchange reads no instruments.
"""

from __future__ import annotations

from decimal import Context, Decimal

from operators.orders.decimals import shortest
from operators.orders.settings import PaperSettings

_EXACT = Context(prec=400)


def fee_of(settings: PaperSettings, quantity: Decimal, price: Decimal) -> Decimal:
    """Fee of one fill in the instrument's currency; below 0 it is a rebate."""
    notional = _EXACT.abs(_EXACT.multiply(price, quantity))
    fee = _EXACT.add(_EXACT.multiply(settings.fee_per_share, quantity), _EXACT.multiply(settings.fee_rate, notional))
    return shortest(max(fee, settings.fee_minimum) if settings.fee_minimum > 0 else fee)
