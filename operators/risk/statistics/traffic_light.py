"""The zone that supervisors put a model in by its exceptions.

The cumulative probability is that of as many exceptions or fewer if the model is right, by the binomial distribution. Green below 95%,
yellow from 95%, red from 99.99%: of 250 observations at 99% that is 0 to 4, 5 to 9, and 10 or more. Source: Basel Committee on Banking
Supervision, "Supervisory framework for the use of backtesting", January 1996, table 2. Its increase of the multiplier of 3 is defined for
250 observations at 99% only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from operators.risk.statistics.series import tail

Zone = Literal["green", "yellow", "red"]

YELLOW_FROM = 0.95
RED_FROM = 0.9999

BASEL_OBSERVATIONS = 250
BASEL_CONFIDENCE = 0.99

_INCREASES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.40, 0.50, 0.65, 0.75, 0.85)
_LARGEST_INCREASE = 1.0


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """A zone and why."""

    zone: Zone
    cumulative_probability: float
    """Of as many exceptions or fewer."""
    multiplier_increase: float | None
    """What is added to the multiplier of 3; None where Basel does not say it."""


def traffic_light(exceptions: int, observations: int, confidence: float) -> TrafficLight:
    """The zone of so many exceptions in so many observations.

    Raises:
        ValueError: there are more exceptions than observations, or the confidence is not between 0 and 1.
    """
    if not 0 <= exceptions <= observations:
        raise ValueError(f"expected as many exceptions as observations at most, found {exceptions} in {observations}")
    probability = binomial_cumulative(exceptions, observations, tail(confidence))
    zone: Zone = "green" if probability < YELLOW_FROM else "yellow" if probability < RED_FROM else "red"
    increase = None
    if observations == BASEL_OBSERVATIONS and confidence == BASEL_CONFIDENCE:
        increase = _INCREASES[exceptions] if exceptions < len(_INCREASES) else _LARGEST_INCREASE
    return TrafficLight(zone, probability, increase)


def binomial_cumulative(hits: int, count: int, probability: float) -> float:
    """The probability of ``hits`` or fewer in ``count`` independent trials, each of a probability between 0 and 1."""
    hit, miss = math.log(probability), math.log1p(-probability)
    whole = math.lgamma(count + 1)
    terms = (math.exp(whole - math.lgamma(at + 1) - math.lgamma(count - at + 1) + at * hit + (count - at) * miss) for at in range(hits + 1))
    return min(math.fsum(terms), 1.0)
