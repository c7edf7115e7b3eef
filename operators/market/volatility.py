"""Volatility of a symbol's prices, tick by tick, from logarithmic returns ``r = ln(price / price before)``.

    ewma_variance       v = lambda * v + (1 - lambda) * r**2, seeded with the first r**2
    realized_variance   sum of r**2 since the start of the UTC day

Both are variances (no unit, per tick; per day); the wire carries their square roots. The first is RiskMetrics' (J.P. Morgan/Reuters,
Technical Document, 4th ed. 1996, ch. 5; mean zero, lambda 0.94), per tick instead of per day. The second is realised variance
(Andersen, Bollerslev, Diebold, Labys, "Modeling and Forecasting Realized Volatility", 2003): returns within a day, so the
step from one day to the next is in the first but not in the second. Prices that are not positive make no return, nor does a tick
older than the one before. Until a symbol's first trade the prices are mids; its first trade starts both over.
"""

from __future__ import annotations

import math

import numpy as np

from schemas.kernels import leaf

FIELDS = [
    ("return_day", np.int32),  # of the price before: UTC days since 1970
    ("return_price", np.float64),  # the price before; NaN: none
    ("ewma_variance", np.float64),  # NaN: no return yet
    ("realized_variance", np.float64),  # NaN: no return yet today
]


@leaf
def reset_volatility(symbol: np.void) -> None:
    """As if no price had been seen."""
    symbol["return_price"] = np.nan
    symbol["return_day"] = -1
    symbol["ewma_variance"] = np.nan
    symbol["realized_variance"] = np.nan


@leaf
def add_price(symbol: np.void, price: float, day: int, decay: float) -> None:
    """Take the next price. ``day`` is its UTC day since 1970, ``decay`` is lambda."""
    if price <= 0.0:
        return
    before = symbol["return_price"]
    same_day = day == symbol["return_day"]
    symbol["return_price"] = price
    symbol["return_day"] = day
    if not same_day:
        symbol["realized_variance"] = np.nan
    if before != before:
        return
    square = 0.0
    if price != before:
        square = math.log(price / before) ** 2
    variance = symbol["ewma_variance"]
    symbol["ewma_variance"] = square if variance != variance else decay * variance + (1.0 - decay) * square
    if same_day:
        total = symbol["realized_variance"]
        symbol["realized_variance"] = square if total != total else total + square
