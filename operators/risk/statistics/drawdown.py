"""How far a value has fallen from its highest: 1 - value / highest so far, 0 at the mark, 0.1 after a fall of a tenth.

Source: Magdon-Ismail and Atiya, "Maximum Drawdown", 2004; empyrical's ``max_drawdown`` is the largest of these with a minus sign. The limit
on an account's drawdown is judged in decimals instead, for its edge is exact.
"""

from __future__ import annotations

import numpy as np

from operators.risk.statistics.series import Floats


def drawdowns(values: Floats) -> Floats:
    """At each moment, shape as ``values``: equity or prices, oldest first. NaN before the highest is above 0, and from a NaN on."""
    highest = np.maximum.accumulate(values, axis=-1)
    known = highest > 0.0
    return np.asarray(np.where(known, 1.0 - values / np.where(known, highest, 1.0), np.nan))


def wealth(returns: Floats) -> Floats:
    """What 1 becomes by returns: 1 before the first, then after each; shape (..., observations + 1)."""
    grown = np.cumprod(1.0 + returns, axis=-1)
    return np.concatenate([np.ones((*returns.shape[:-1], 1)), grown], axis=-1)
