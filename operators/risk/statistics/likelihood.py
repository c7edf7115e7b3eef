"""What the likelihood ratio tests of backtests share: logarithms of likelihoods, and how unlikely a ratio is by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RatioTest:
    """Of a test that holds if its statistic is chi-squared distributed."""

    statistic: float
    degrees_of_freedom: int
    p_value: float
    """How probable so large a statistic is if the model is right: below 0.05 it is rejected at 95%."""


def ratio_test(statistic: float, degrees_of_freedom: int) -> RatioTest:
    """A statistic with its p-value: erfc(sqrt(x / 2)) for one degree of freedom, exp(-x / 2) for two."""
    statistic = max(statistic, 0.0)  # a ratio of equal likelihoods may round to below 0
    half = statistic / 2.0
    return RatioTest(statistic, degrees_of_freedom, math.erfc(math.sqrt(half)) if degrees_of_freedom == 1 else math.exp(-half))


def log_likelihood(hits: int, count: int, probability: float) -> float:
    """Of ``hits`` in ``count`` independent trials in one order; 0 * log(0) is 0."""
    misses = count - hits
    return (hits * math.log(probability) if hits else 0.0) + (misses * math.log1p(-probability) if misses else 0.0)


def share(hits: int, count: int) -> float:
    """Hits a trial; 0 where there is none."""
    return hits / count if count else 0.0
