"""Exponentially weighted variances and covariances, and the value at risk of them.

    v[t] = decay * v[t-1] + (1 - decay) * r[t]^2,  seeded with v[0] = r[0]^2         VaR = -z * sqrt(v * h)

The mean is taken as 0. Source: J.P. Morgan/Reuters, "RiskMetrics Technical Document", 4th ed. 1996, ch. 5 (decay 0.94 for days, 0.97 for
months; table 5.4 starts from the first square too). The seed weighs ``decay ** (n - 1)``: 2e-7 of 252 observations.

Of covariances the squares are products: the variance of a portfolio is ``weights @ covariance @ weights``, and equals the variance of the
portfolio's own returns, for each weighs the same. So an account's number needs its series of returns alone, and no matrix.
"""

from __future__ import annotations

import numpy as np

from operators.risk.statistics.series import Floats, normal_quantile, root_of_time, unknown

DECAY = 0.94

MIN_OBSERVATIONS = 1


def ewma_weights(count: int, decay: float = DECAY) -> Floats:
    """What each squared return weighs in the last variance, shape (count,), oldest first; they add up to 1.

    Raises:
        ValueError: the decay is not between 0 and 1.
    """
    if not 0.0 < decay < 1.0:
        raise ValueError(f"expected a decay between 0 and 1 such as {DECAY}, found {decay!r}")
    weights = np.power(decay, np.arange(count - 1, -1, -1, dtype=np.float64))
    weights[1:] *= 1.0 - decay
    return weights


def ewma_variance(returns: Floats, decay: float = DECAY) -> Floats:
    """Of the last bar. NaN where a return is NaN, or none is given."""
    if returns.shape[-1] < MIN_OBSERVATIONS:
        return unknown(returns)
    return np.asarray(np.square(returns) @ ewma_weights(returns.shape[-1], decay))


def ewma_covariance(returns: Floats, decay: float = DECAY) -> Floats:
    """Of symbols, shape (symbols, observations), with one another: shape (symbols, symbols). NaN as of ``ewma_variance``."""
    symbols, count = returns.shape
    if count < MIN_OBSERVATIONS:
        return np.full((symbols, symbols), np.nan)
    return np.asarray((returns * ewma_weights(count, decay)) @ returns.T)


def ewma_var(returns: Floats, confidence: float, horizon: int = 1, decay: float = DECAY) -> Floats:
    """The loss over ``horizon`` bars that is not exceeded with ``confidence``, if returns are normal with the present variance and mean 0.

    NaN where a return is NaN, or none is given.

    Raises:
        ValueError: confidence, horizon or decay is out of range.
    """
    return normal_var(ewma_variance(returns, decay), confidence, horizon)


def normal_var(variance: Floats, confidence: float, horizon: int = 1) -> Floats:
    """Value at risk of a normal distribution with mean 0 and a variance of one bar, such as ``weights @ covariance @ weights``."""
    return np.asarray(-normal_quantile(confidence) * np.sqrt(variance) * root_of_time(horizon) + 0.0)
