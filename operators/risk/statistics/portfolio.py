"""Series of many accounts at once, and their numbers.

The series of an account is what its positions, *as they stand*, would have made of the past returns of what it holds: weights times
returns, a weight being a position's signed worth over the equity (historical simulation; Hull and White, 1998). Where the symbols that it
holds have histories of different length, the series begins with the first bar at which all of them have a return, and is complete from
there on: a return that is not known is never taken for 0. A symbol that is new so shortens the past of those who hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.risk.statistics.beta import beta
from operators.risk.statistics.ewma import DECAY, ewma_var
from operators.risk.statistics.historical import expected_shortfall, historical_var
from operators.risk.statistics.parametric import parametric_var
from operators.risk.statistics.realized import realized_volatility
from operators.risk.statistics.series import Floats


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """How the numbers are asked for: over ``horizon`` bars, at ``confidence``; NaN below ``min_observations``."""

    confidence: float = 0.99
    horizon: int = 1
    decay: float = DECAY
    min_observations: int = 2


@dataclass(frozen=True, slots=True)
class RiskNumbers:
    """Of each account, shape (accounts,): losses as positive fractions of equity; NaN where not known."""

    var_historical: Floats
    var_parametric: Floats
    var_ewma: Floats
    expected_shortfall: Floats
    realized_volatility: Floats
    beta: Floats
    observations: npt.NDArray[np.int64]


_LOSSES: dict[str, Callable[[Floats, RiskSettings], Floats]] = {
    "var_historical": lambda own, asked: historical_var(own, asked.confidence, asked.horizon),
    "var_parametric": lambda own, asked: parametric_var(own, asked.confidence, asked.horizon),
    "var_ewma": lambda own, asked: ewma_var(own, asked.confidence, asked.horizon, asked.decay),
    "expected_shortfall": lambda own, asked: expected_shortfall(own, asked.confidence, asked.horizon),
}


def portfolio_returns(weights: Floats, returns: Floats) -> Floats:
    """The series of each account: shape (accounts, observations), NaN before all that it holds have returns, never after.

    Args:
        weights: shape (accounts, symbols): signed worth over equity; 0 where nothing is held. NaN makes the whole series NaN.
        returns: shape (symbols, observations), as ``ReturnWindows.matrix`` gives it.
    """
    count = returns.shape[-1]
    missing = np.isnan(returns)
    if not missing.any():
        return np.asarray(weights @ returns)
    # The first observation after a symbol's last unknown one.
    begins = count - _known(returns)
    series = np.asarray(weights @ np.where(missing, 0.0, returns))
    begin = np.max(np.where(weights != 0.0, begins, 0), axis=-1, initial=0)
    series[np.arange(count) < begin[:, np.newaxis]] = np.nan
    return series


def risk_numbers(series: Floats, settings: RiskSettings, benchmark: Floats | None = None) -> RiskNumbers:
    """All numbers of each series, each from where it begins.

    Args:
        series: shape (accounts, observations), as ``portfolio_returns`` gives it.
        benchmark: shape (observations,): returns over the same bars of what beta is to, from where both are known; without it beta is NaN.
    """
    accounts, count = series.shape
    observations = _known(series)
    of_benchmark = 0 if benchmark is None else int(_known(benchmark[np.newaxis])[0])
    found = {name: np.full(accounts, np.nan) for name in _LOSSES}
    volatility, betas = np.full(accounts, np.nan), np.full(accounts, np.nan)
    for length in np.unique(observations).tolist():
        if length < max(settings.min_observations, 1):
            continue
        same: Any = observations == length
        if same.all():
            same = slice(None)  # the usual case: nothing is copied
        own = series[same, count - length :]
        for name, loss in _LOSSES.items():
            found[name][same] = loss(own, settings)
        volatility[same] = realized_volatility(own)
        if benchmark is not None:
            both = count - min(length, of_benchmark)
            betas[same] = beta(series[same, both:], benchmark[both:])
    return RiskNumbers(realized_volatility=volatility, beta=betas, observations=observations, **found)


def _known(series: Floats) -> npt.NDArray[np.int64]:
    """How many there are after the last NaN of each series."""
    missing = np.isnan(series)
    return np.asarray(np.where(missing.any(axis=-1), np.argmax(missing[:, ::-1], axis=-1), series.shape[-1]), np.int64)
