"""How returns go with those of another series over the same bars.

    beta         cov(r, b) / var(b)
    correlation  cov(r, b) / (s(r) * s(b))

The n - 1 of a sample cancels out. Source: Sharpe, "Capital Asset Prices", 1964; as empyrical's ``beta``.
The indicators of the same names (``operators/indicators/``) are of prices as they come; these are of aligned windows of returns.
"""

from __future__ import annotations

import numpy as np

from operators.risk.statistics.series import Floats

MIN_OBSERVATIONS = 2


def beta(returns: Floats, benchmark: Floats) -> Floats:
    """Of each series, shape (..., observations), to the benchmark, shape (observations,) or of each series its own.

    NaN where a return is NaN, fewer than two are given, or the benchmark has not moved.
    """
    own, other = _differences(returns, benchmark)
    return _ratio(np.sum(own * other, axis=-1), np.sum(np.square(other), axis=-1))


def correlation(returns: Floats, benchmark: Floats) -> Floats:
    """From -1 to 1; shapes as of ``beta``. NaN also where the series itself has not moved."""
    own, other = _differences(returns, benchmark)
    spread = np.sqrt(np.sum(np.square(own), axis=-1)) * np.sqrt(np.sum(np.square(other), axis=-1))
    return np.clip(_ratio(np.sum(own * other, axis=-1), spread), -1.0, 1.0)


def _differences(returns: Floats, benchmark: Floats) -> tuple[Floats, Floats]:
    if returns.shape[-1] != benchmark.shape[-1]:
        raise ValueError(f"expected a benchmark of the same {returns.shape[-1]} bars, found {benchmark.shape[-1]}")
    own, other = np.broadcast_arrays(returns, benchmark)
    if returns.shape[-1] < MIN_OBSERVATIONS:
        return np.full(own.shape, np.nan), np.full(own.shape, np.nan)
    return _without_mean(own), _without_mean(other)


def _without_mean(series: Floats) -> Floats:
    """Exactly 0 for a series that does not move: its mean may round to beside it."""
    still = np.all(series == series[..., :1], axis=-1, keepdims=True)
    return np.where(still, 0.0, series - np.mean(series, axis=-1, keepdims=True))


def _ratio(above: Floats, below: Floats) -> Floats:
    known = below > 0.0
    return np.asarray(np.where(known, above, np.nan) / np.where(known, below, 1.0))
