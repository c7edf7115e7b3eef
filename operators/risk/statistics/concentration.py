"""How much of an account is in how little.

    weight  abs(exposure) / sum(abs(exposures))
    HHI     sum(weight^2), 1 / n for n equal positions to 1 for a single one

Source: Herfindahl, 1950, and Hirschman, 1945, as a share from 0 to 1 (regulators of mergers write it from 0 to 10,000).
"""

from __future__ import annotations

import numpy as np

from operators.risk.statistics.series import Floats


def gross_weights(exposures: Floats) -> Floats:
    """Each symbol's share of the gross exposure, shape as ``exposures`` (..., symbols); NaN where there is none or one is NaN."""
    sizes = np.abs(exposures)
    gross = np.sum(sizes, axis=-1, keepdims=True)
    known = gross > 0.0
    return np.asarray(np.where(known, sizes / np.where(known, gross, 1.0), np.nan))


def largest_weight(exposures: Floats) -> Floats:
    """0 to 1; NaN where there is no exposure."""
    if not exposures.shape[-1]:
        return np.full(exposures.shape[:-1], np.nan)
    return np.asarray(np.max(gross_weights(exposures), axis=-1))


def herfindahl(exposures: Floats) -> Floats:
    """The Herfindahl-Hirschman index, 1 / n to 1; NaN where there is no exposure."""
    if not exposures.shape[-1]:
        return np.full(exposures.shape[:-1], np.nan)
    return np.asarray(np.sum(np.square(gross_weights(exposures)), axis=-1))
