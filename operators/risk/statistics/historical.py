"""Value at risk of the past itself, and the expected shortfall beyond it.

    VaR = -percentile(returns, 1 - confidence) * sqrt(h)
    ES  = -mean(returns <= percentile) * sqrt(h)

The percentile is linear between the two nearest order statistics: rank (n - 1) * (1 - confidence) from 0, as NumPy's default and
empyrical's ``value_at_risk``; of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996, definition 7.

There are several definitions of expected shortfall in the wild. This is the mean of the returns that are not above the historical VaR
(empyrical's ``conditional_value_at_risk``; Acerbi and Tasche, 2002, differ by a share of the next return where the rank is
between two). quantstats takes the returns below the *parametric* VaR instead, RiskMetrics and Basel a normal or a smoothed tail.

For more than a bar both are scaled by the root of time, as Basel allows for VaR (Basel Committee, 1996, B.4 c).
"""

from __future__ import annotations

import numpy as np

from operators.risk.statistics.series import Floats, root_of_time, tail, unknown

MIN_OBSERVATIONS = 1
"""Any return is a past. With fewer than 1 / (1 - confidence) of them the VaR lies inside the worst two."""

_RANK_PLACES = 9
"""Decimals of a rank, so that 0.07 * 100 is 7."""


def historical_var(returns: Floats, confidence: float, horizon: int = 1) -> Floats:
    """The loss that ``1 - confidence`` of the returns exceed. Below 0: even then it is a gain. NaN where a return is NaN, or none is given.

    Raises:
        ValueError: confidence or horizon is out of range.
    """
    root = root_of_time(horizon)
    return np.asarray(-_percentile(returns, confidence) * root + 0.0)


def expected_shortfall(returns: Floats, confidence: float, horizon: int = 1) -> Floats:
    """The mean loss of the returns that are not above the historical VaR: never less than it.

    NaN and errors as of ``historical_var``.
    """
    root = root_of_time(horizon)
    at = _percentile(returns, confidence)
    beyond = returns <= at[..., np.newaxis]
    count = np.sum(beyond, axis=-1)
    mean = np.sum(np.where(beyond, returns, 0.0), axis=-1) / np.maximum(count, 1)
    # The worst return is always among them, if there is one; a mean of equal numbers may round to above them.
    return np.asarray(-np.where(np.isnan(at), np.nan, np.minimum(mean, at)) * root + 0.0)


def _percentile(returns: Floats, confidence: float) -> Floats:
    share = tail(confidence)
    count = returns.shape[-1]
    if count < MIN_OBSERVATIONS:
        return unknown(returns)
    rank = round((count - 1) * share, _RANK_PLACES)
    below = int(rank)
    above = min(below + 1, count - 1)
    ordered = np.partition(returns, (below, above), axis=-1)
    low, high = ordered[..., below], ordered[..., above]
    value = np.minimum(low + (high - low) * (rank - below), high)
    return np.asarray(np.where(np.isnan(returns).any(axis=-1), np.nan, value))
