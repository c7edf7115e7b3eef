"""Value at risk of a normal distribution, also called variance-covariance or delta-normal.

    VaR = -(mean * h + z * s * sqrt(h))        z = normal quantile of 1 - confidence, below 0

``s`` is the sample standard deviation (n - 1), of squares of differences from the mean, never as E[x^2] - E[x]^2.
Source: Jorion, "Value at Risk", 3rd ed. 2007, ch. 5; the mean is kept, as QuantConnect Lean and quantstats do (RiskMetrics leaves it out).
"""

from __future__ import annotations

import numpy as np

from operators.risk.statistics.series import Floats, normal_quantile, root_of_time, unknown

MIN_OBSERVATIONS = 2
"""Fewer have no sample standard deviation."""


def parametric_var(returns: Floats, confidence: float, horizon: int = 1) -> Floats:
    """The loss over ``horizon`` bars that is not exceeded with ``confidence``, if returns are normal and independent.

    Below 0: even then it is a gain. NaN where a return is NaN or fewer than MIN_OBSERVATIONS are given.

    Raises:
        ValueError: confidence or horizon is out of range.
    """
    quantile, root = normal_quantile(confidence), root_of_time(horizon)
    if returns.shape[-1] < MIN_OBSERVATIONS:
        return unknown(returns)
    mean, deviation = np.mean(returns, axis=-1), standard_deviation(returns)
    return np.asarray(-(mean * horizon + quantile * deviation * root) + 0.0)


def standard_deviation(returns: Floats) -> Floats:
    """Of a sample (n - 1), in two passes. NaN where a return is NaN or fewer than MIN_OBSERVATIONS are given."""
    if returns.shape[-1] < MIN_OBSERVATIONS:
        return unknown(returns)
    return np.asarray(np.std(returns, axis=-1, ddof=1))
