"""Volatility that was: of the returns within a window, with no mean taken off and no scaling to a year.

    realised volatility  sqrt(sum(r[i]^2))
    bipower variation    pi / 2 * sum(abs(r[i]) * abs(r[i-1]))

Sources: Andersen, Bollerslev, Diebold, Labys, "Modeling and Forecasting Realized Volatility", 2003; Barndorff-Nielsen and Shephard, "Power
and Bipower Variation with Stochastic Volatility and Jumps", 2004: the second leaves jumps out, and has no correction for small samples.
"""

from __future__ import annotations

import math

import numpy as np

from operators.risk.statistics.series import Floats, unknown

MIN_BIPOWER_OBSERVATIONS = 2


def realized_volatility(returns: Floats) -> Floats:
    """NaN where a return is NaN, or none is given."""
    if not returns.shape[-1]:
        return unknown(returns)
    return np.asarray(np.sqrt(np.sum(np.square(returns), axis=-1)))


def bipower_variation(returns: Floats) -> Floats:
    """A variance: its root compares with ``realized_volatility``. NaN where a return is NaN, or fewer than two are given."""
    if returns.shape[-1] < MIN_BIPOWER_OBSERVATIONS:
        return unknown(returns)
    sizes = np.abs(returns)
    return np.asarray(math.pi / 2.0 * np.sum(sizes[..., 1:] * sizes[..., :-1], axis=-1))
