"""Long series: what Lean made of SPY and AMZN bar by bar, and a backtest over five years worked out at length."""

from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from operators.risk.statistics.backtest import METHODS, backtest
from operators.risk.statistics.beta import beta
from operators.risk.statistics.historical import historical_var
from operators.risk.statistics.parametric import parametric_var
from operators.risk.statistics.series import Floats

FOLDER = Path(__file__).parent
LEAN_WINDOW = 252
LEAN_BETA_WINDOW = 5
WINDOW = 250


def columns(name: str) -> dict[str, list[str]]:
    with (FOLDER / name).open() as file:
        rows = list(csv.DictReader(file))
    return {column: [row[column] for row in rows] for column in rows[0]}


def returns_of(closes: list[str]) -> Floats:
    prices = np.array(closes, float)
    return np.asarray(prices[1:] / prices[:-1] - 1.0)


SPY = columns("lean-spy.csv")
RETURNS = returns_of(SPY["close"])


@pytest.mark.parametrize("confidence", [0.99, 0.95, 0.9])
def test_parametric_var_is_that_of_lean_on_every_day(confidence: float) -> None:
    expected = SPY[f"var_{confidence * 100:.0f}"]
    for day in range(2, len(expected)):
        window = RETURNS[max(day - LEAN_WINDOW, 0) : day]
        assert -float(parametric_var(window, confidence)) == pytest.approx(float(expected[day]), abs=1e-15)


def test_beta_is_that_of_lean_on_every_day() -> None:
    table = columns("lean-beta.csv")
    own, benchmark = returns_of(table["amzn"]), returns_of(table["spx"])
    for day in range(2, len(table["beta"])):
        window = slice(max(day - LEAN_BETA_WINDOW, 0), day)
        assert float(beta(own[window], benchmark[window])) == pytest.approx(float(table["beta"][day]), abs=1e-9)


def worked_out(method: str, window: list[float], confidence: float) -> float:
    """The definition, one number after another."""
    z = NormalDist().inv_cdf(1.0 - confidence)
    if method == "ewma":
        variance = window[0] ** 2
        for value in window[1:]:
            variance = 0.94 * variance + 0.06 * value**2
        return -z * math.sqrt(variance)
    if method == "parametric":
        mean = math.fsum(window) / len(window)
        return -(mean + z * math.sqrt(math.fsum((value - mean) ** 2 for value in window) / (len(window) - 1)))
    return -float(np.percentile(window, 100.0 * (1.0 - confidence)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_a_backtest_of_five_years_is_what_its_definition_says(method: str, confidence: float) -> None:
    found = backtest(RETURNS, method, confidence, WINDOW)
    values = [worked_out(method, RETURNS[day - WINDOW : day].tolist(), confidence) for day in range(WINDOW, len(RETURNS))]
    np.testing.assert_allclose(found.value_at_risk, values, rtol=1e-9)
    hits = [-RETURNS[WINDOW + at] > value for at, value in enumerate(values)]
    assert found.exceeded.tolist() == hits
    assert (found.observations, found.exceptions) == (len(values), sum(hits))
    assert found.expected == pytest.approx(len(values) * (1.0 - confidence))
    pairs = list(pairwise(hits))
    counted = {f"n{int(a)}{int(b)}": pairs.count((a, b)) for a in (False, True) for b in (False, True)}
    assert {name: getattr(found.steps, name) for name in counted} == counted


def test_the_var_of_a_day_knows_nothing_of_that_day() -> None:
    changed = RETURNS.copy()
    changed[WINDOW] = -0.5
    for method in METHODS:
        before, after = backtest(RETURNS, method, 0.99, WINDOW), backtest(changed, method, 0.99, WINDOW)
        assert before.value_at_risk[0] == after.value_at_risk[0]
        assert after.exceeded[0]
        assert after.value_at_risk[1] > before.value_at_risk[1]


def test_historical_var_of_five_years_is_met_as_often_as_it_says() -> None:
    assert np.mean(historical_var(RETURNS, 0.95) < -RETURNS) == pytest.approx(0.05, abs=1 / len(RETURNS))
