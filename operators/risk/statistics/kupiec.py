"""Are there as many exceptions as the confidence says? The proportion of failures (POF) test, of unconditional coverage.

    LR = -2 ln((1-p)^(n-x) p^x / ((1-x/n)^(n-x) (x/n)^x)),  chi-squared with 1 degree of freedom

with x exceptions in n observations, each of probability p = 1 - confidence. Source: Kupiec, "Techniques for Verifying the Accuracy of Risk
Measurement Models", Journal of Derivatives 3, 1995.
"""

from __future__ import annotations

from operators.risk.statistics.likelihood import RatioTest, log_likelihood, ratio_test, share
from operators.risk.statistics.series import tail


def kupiec_test(exceptions: int, observations: int, confidence: float) -> RatioTest:
    """The test of so many exceptions in so many observations.

    Raises:
        ValueError: there are no observations, or more exceptions than these, or the confidence is not between 0 and 1.
    """
    if not 0 <= exceptions <= observations or not observations:
        raise ValueError(f"expected observations, and as many exceptions at most, found {exceptions} in {observations}")
    found = log_likelihood(exceptions, observations, share(exceptions, observations))
    return ratio_test(2.0 * (found - log_likelihood(exceptions, observations, tail(confidence))), 1)
