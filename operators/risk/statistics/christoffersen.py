"""Do exceptions come alone, or does one bring the next? Tests of independence and of conditional coverage.

    LR_ind = -2 ln((1-q)^(n00+n10) q^(n01+n11) / ((1-q0)^n00 q0^n01 (1-q1)^n10 q1^n11)),  1 degree of freedom
    LR_cc  = LR_pof + LR_ind,                                                             2 degrees

``nij`` counts the steps from state i to state j (1 is an exception), ``qi`` = ni1 / (ni0 + ni1), q = (n01 + n11) / all steps. LR_pof is
Kupiec's, of all observations, the first one too, as MathWorks' ``varbacktest`` has it; some papers leave the first out, so that all three
speak of the same observations. Source: Christoffersen, "Evaluating Interval Forecasts", International Economic Review 39, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operators.risk.statistics.likelihood import RatioTest, log_likelihood, ratio_test, share


@dataclass(frozen=True, slots=True)
class Transitions:
    """Steps between days without (0) and with (1) an exception."""

    n00: int
    n01: int
    n10: int
    n11: int


def transitions(exceptions: npt.NDArray[np.bool_]) -> Transitions:
    """Count the steps of a series, shape (observations,), in order of time."""
    before, after = exceptions[:-1], exceptions[1:]
    counts = [int(np.sum((before == first) & (after == second))) for first in (False, True) for second in (False, True)]
    return Transitions(*counts)


def independence_test(steps: Transitions) -> RatioTest:
    """Whether an exception changes the chance of one on the next observation. Without any exception before another it says nothing: 0."""
    quiet, after_one = steps.n00 + steps.n01, steps.n10 + steps.n11
    hits = steps.n01 + steps.n11
    apart = log_likelihood(steps.n01, quiet, share(steps.n01, quiet)) + log_likelihood(steps.n11, after_one, share(steps.n11, after_one))
    together = log_likelihood(hits, quiet + after_one, share(hits, quiet + after_one))
    return ratio_test(2.0 * (apart - together), 1)


def conditional_coverage_test(coverage: RatioTest, independence: RatioTest) -> RatioTest:
    """Both at once, of ``kupiec_test`` and ``independence_test``: as many as there should be, and independent."""
    return ratio_test(coverage.statistic + independence.statistic, 2)
