"""What a VaR model said each day beside what came: rolling, one step ahead.

The VaR of observation t is made of the ``window`` observations before it, and never of itself. An exception is a loss *above* the VaR:
``-return > VaR``. Source: Basel Committee, "Supervisory framework for the use of backtesting", 1996; Jorion, "Value at Risk", ch. 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from operators.risk.statistics.christoffersen import Transitions, conditional_coverage_test, independence_test, transitions
from operators.risk.statistics.ewma import ewma_var
from operators.risk.statistics.historical import historical_var
from operators.risk.statistics.kupiec import kupiec_test
from operators.risk.statistics.likelihood import RatioTest
from operators.risk.statistics.parametric import parametric_var
from operators.risk.statistics.series import Floats, tail
from operators.risk.statistics.traffic_light import TrafficLight, traffic_light

METHODS: dict[str, Callable[[Floats, float], Floats]] = {
    "historical": historical_var,
    "parametric": parametric_var,
    "ewma": ewma_var,
}
"""How a VaR is made of a window of returns and a confidence."""

MIN_WINDOW = 2

_NUMBERS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Backtest:
    """One model on one series."""

    method: str
    confidence: float
    window: int
    observations: int
    """With a VaR: those after the first window."""
    exceptions: int
    expected: float
    """Exceptions of a model that is right."""
    value_at_risk: Floats
    """Shape (observations,): of each, as it was known before it; positive losses."""
    exceeded: npt.NDArray[np.bool_]
    """Shape (observations,)."""
    steps: Transitions
    kupiec: RatioTest
    independence: RatioTest
    conditional_coverage: RatioTest
    light: TrafficLight
    """Of all observations."""


def rolling_var(returns: Floats, method: str, confidence: float, window: int) -> Floats:
    """The VaR of each observation after the first ``window``, shape (observations - window,).

    Raises:
        ValueError: the window is below MIN_WINDOW, or no observation comes after it.
    """
    if window < MIN_WINDOW or len(returns) <= window:
        raise ValueError(f"expected a window of {MIN_WINDOW} or more and an observation after it, found {window} of {len(returns)}")
    windows = sliding_window_view(returns, window)[:-1]
    model, rows = METHODS[method], max(_NUMBERS_AT_ONCE // window, 1)
    return np.concatenate([model(windows[at : at + rows], confidence) for at in range(0, len(windows), rows)])


def backtest(returns: Floats, method: str, confidence: float, window: int) -> Backtest:
    """Run a method of METHODS over a series of finite returns and test its exceptions. Raises as ``rolling_var`` does."""
    value_at_risk = rolling_var(returns, method, confidence, window)
    exceeded = -returns[window:] > value_at_risk
    observations, exceptions = len(exceeded), int(np.sum(exceeded))
    steps = transitions(exceeded)
    coverage, independence = kupiec_test(exceptions, observations, confidence), independence_test(steps)
    return Backtest(
        method=method,
        confidence=confidence,
        window=window,
        observations=observations,
        exceptions=exceptions,
        expected=observations * tail(confidence),
        value_at_risk=value_at_risk,
        exceeded=exceeded,
        steps=steps,
        kupiec=coverage,
        independence=independence,
        conditional_coverage=conditional_coverage_test(coverage, independence),
        light=traffic_light(exceptions, observations, confidence),
    )
