"""What the statistics take and give, and the two numbers that most of them are asked with."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""Returns: shape (..., observations), oldest first. Results: the same without the last axis (of one series: shape ())."""

_NORMAL = NormalDist()

_PLACES = 12
"""Decimals of a confidence: 1 - 0.9 shall be 0.1, so that a rank that is whole is not missed by the last bit."""


def tail(confidence: float) -> float:
    """The probability of what is worse than the VaR: 0.01 at a confidence of 0.99.

    Raises:
        ValueError: the confidence is not between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"expected a confidence between 0 and 1 such as 0.99, found {confidence!r}")
    return round(1.0 - confidence, _PLACES) or 1.0 - confidence


def normal_quantile(confidence: float) -> float:
    """The quantile of the standard normal distribution in the tail of losses: -2.3263 at a confidence of 0.99."""
    return _NORMAL.inv_cdf(tail(confidence))


def root_of_time(horizon: int) -> float:
    """What a spread of one bar is multiplied with for ``horizon`` bars: returns that are independent have variances that add up.

    Raises:
        ValueError: the horizon is not a bar at least.
    """
    if horizon < 1:
        raise ValueError(f"expected a horizon of 1 bar at least, found {horizon!r}")
    return math.sqrt(horizon)


def unknown(returns: Floats) -> Floats:
    """The result where there are too few observations: NaN for each series."""
    return np.full(returns.shape[:-1], np.nan)
