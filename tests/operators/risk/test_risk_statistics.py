"""Laws of the statistics of risk, over any returns."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.risk.statistics.beta import beta, correlation
from operators.risk.statistics.concentration import gross_weights, herfindahl, largest_weight
from operators.risk.statistics.drawdown import drawdowns, wealth
from operators.risk.statistics.ewma import ewma_covariance, ewma_var, ewma_variance, ewma_weights, normal_var
from operators.risk.statistics.historical import expected_shortfall, historical_var
from operators.risk.statistics.kupiec import kupiec_test
from operators.risk.statistics.parametric import parametric_var, standard_deviation
from operators.risk.statistics.portfolio import RiskSettings, portfolio_returns, risk_numbers
from operators.risk.statistics.realized import bipower_variation, realized_volatility
from operators.risk.statistics.series import Floats
from operators.risk.statistics.traffic_light import binomial_cumulative

Risk = Callable[[Floats, float], Floats]

VARS: list[Any] = [historical_var, parametric_var, ewma_var, expected_shortfall]
UNSCALED: list[Any] = [*VARS, lambda returns, _: realized_volatility(returns), lambda returns, _: standard_deviation(returns)]
each = pytest.mark.parametrize("risk", VARS, ids=lambda function: function.__name__)

number = st.one_of(st.floats(-0.5, 0.5, width=32), st.sampled_from([0.0, 0.01, -0.01, -0.1]))
series = st.integers(2, 60).flatmap(lambda count: arrays(np.float64, count, elements=number))
confidences = st.one_of(st.floats(0.5, 0.9999), st.sampled_from([0.9, 0.95, 0.975, 0.99]))


@each
@settings(max_examples=100, deadline=None)
@given(returns=series, first=confidences, second=confidences)
def test_var_does_not_fall_as_confidence_rises(risk: Risk, returns: Floats, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert risk(returns, low) <= risk(returns, high) + (1e-15 if risk is expected_shortfall else 0.0)


@settings(max_examples=200, deadline=None)
@given(returns=series, confidence=confidences, horizon=st.integers(1, 20))
def test_shortfall_is_never_less_than_var(returns: Floats, confidence: float, horizon: int) -> None:
    assert expected_shortfall(returns, confidence, horizon) >= historical_var(returns, confidence, horizon)
    assert expected_shortfall(returns, confidence) <= -np.min(returns) + 1e-15


@settings(max_examples=100, deadline=None)
@given(returns=series, confidence=confidences)
def test_shortfall_is_the_mean_of_what_is_not_above_the_percentile(returns: Floats, confidence: float) -> None:
    at = -float(historical_var(returns, confidence))
    assert float(expected_shortfall(returns, confidence)) == pytest.approx(-np.mean(returns[returns <= at]), abs=1e-15)
    assert at == pytest.approx(float(np.quantile(returns, 1.0 - confidence)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("risk", UNSCALED)
@settings(max_examples=60, deadline=None)
@given(returns=series, confidence=confidences, power=st.integers(-8, 8))
def test_losses_scale_with_returns(risk: Risk, returns: Floats, confidence: float, power: int) -> None:
    scale = 2.0**power
    assert risk(returns * scale, confidence) == pytest.approx(scale * risk(returns, confidence), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(returns=series, confidence=confidences, rng=st.randoms())
def test_the_past_has_no_order_for_historical_var(returns: Floats, confidence: float, rng: random.Random) -> None:
    shuffled = returns.tolist()
    rng.shuffle(shuffled)
    assert historical_var(np.array(shuffled), confidence) == historical_var(returns, confidence)
    assert expected_shortfall(np.array(shuffled), confidence) == pytest.approx(expected_shortfall(returns, confidence), abs=1e-15)


@each
@settings(max_examples=40, deadline=None)
@given(returns=arrays(np.float64, (5, 23), elements=number), confidence=confidences)
def test_many_accounts_at_once_are_each_by_itself(risk: Risk, returns: Floats, confidence: float) -> None:
    np.testing.assert_allclose(risk(returns, confidence), [float(risk(row, confidence)) for row in returns], rtol=1e-12, atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(returns=series, decay=st.floats(0.5, 0.99))
def test_a_stream_of_ewma_is_its_batch(returns: Floats, decay: float) -> None:
    variance = returns[0] ** 2
    for value in returns[1:]:
        variance = decay * variance + (1.0 - decay) * value**2
    assert float(ewma_variance(returns, decay)) == pytest.approx(variance, rel=1e-12, abs=1e-300)
    assert math.fsum(ewma_weights(len(returns), decay)) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(returns=arrays(np.float64, (4, 30), elements=number), weights=arrays(np.float64, 4, elements=number))
def test_the_covariance_of_symbols_says_of_a_portfolio_what_its_own_returns_say(returns: Floats, weights: Floats) -> None:
    covariance = ewma_covariance(returns)
    by_matrix = normal_var(np.asarray(max(weights @ covariance @ weights, 0.0)), 0.99)
    assert float(by_matrix) == pytest.approx(float(ewma_var(weights @ returns, 0.99)), abs=1e-7)
    np.testing.assert_allclose(np.diag(covariance), ewma_variance(returns), atol=1e-15)
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(benchmark=series, slope=st.floats(-3, 3), shift=number)
def test_beta_of_a_line_is_its_slope(benchmark: Floats, slope: float, shift: float) -> None:
    if np.ptp(benchmark) < 1e-3:
        return
    line = slope * benchmark + shift
    assert float(beta(line, benchmark)) == pytest.approx(slope, abs=1e-9)
    if abs(slope) > 1e-3:
        assert float(correlation(line, benchmark)) == pytest.approx(math.copysign(1.0, slope), abs=1e-9)


def test_the_horizon_scales_the_mean_by_itself_and_the_spread_by_its_root() -> None:
    returns = np.array([0.01, -0.03, 0.02, 0.005])
    mean, spread = np.mean(returns), np.std(returns, ddof=1)
    assert float(parametric_var(returns, 0.99, 9)) == pytest.approx(-(9 * mean) + 3 * 2.3263478740408408 * spread)
    for risk in (historical_var, expected_shortfall, ewma_var):
        assert float(risk(returns, 0.99, 9)) == pytest.approx(3 * float(risk(returns, 0.99)))


def test_a_far_mean_takes_nothing_from_the_deviation() -> None:
    near = np.array([0.01, 0.02, 0.04])
    assert float(standard_deviation(near + 2.0**20)) == pytest.approx(float(standard_deviation(near)), rel=1e-7)


def test_what_cannot_be_known_is_nan() -> None:
    hole = np.array([[0.01, np.nan, -0.02], [0.01, 0.0, -0.02]])
    for risk in VARS:
        assert np.isnan(risk(hole, 0.99)).tolist() == [True, False]
        assert np.isnan(risk(np.zeros(0), 0.99))
    assert np.isnan(parametric_var(np.zeros(1), 0.99))
    assert np.isnan(beta(hole, hole[1])).tolist() == [True, False]
    assert np.isnan(beta(hole[1], np.zeros(3)))
    assert np.isnan(correlation(np.full(3, 0.1), hole[1]))
    assert np.isnan([realized_volatility(np.zeros(0)), bipower_variation(np.zeros(1))]).all()
    assert np.isnan(herfindahl(np.zeros(3)))
    assert np.isnan(largest_weight(np.zeros(0)))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 99.0, -0.5, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    for risk in VARS:
        with pytest.raises(ValueError, match="confidence"):
            risk(np.zeros(5), confidence)
    with pytest.raises(ValueError, match="confidence"):
        kupiec_test(1, 10, confidence)
    with pytest.raises(ValueError, match="horizon"):
        parametric_var(np.zeros(5), 0.99, 0)


def test_jumps_are_in_realised_volatility_and_hardly_in_bipower_variation() -> None:
    calm = np.full(1000, 0.01) * np.where(np.arange(1000) % 2, 1, -1)
    jump = calm.copy()
    jump[500] = 0.5
    assert float(realized_volatility(calm) ** 2) == pytest.approx(0.1)
    assert float(bipower_variation(np.array([0.01, -0.02, 0.03]))) == pytest.approx(math.pi / 2 * 0.0008)
    assert float(realized_volatility(jump) ** 2 - realized_volatility(calm) ** 2) == pytest.approx(0.2499)
    assert float(bipower_variation(jump) - bipower_variation(calm)) < 0.016


def test_drawdown_and_concentration_of_examples() -> None:
    np.testing.assert_allclose(drawdowns(np.array([100.0, 110, 99, 121, 60.5])), [0, 0, 0.1, 0, 0.5])
    np.testing.assert_allclose(wealth(np.array([0.1, -0.5])), [1, 1.1, 0.55])
    assert np.isnan(drawdowns(np.array([0.0, -5.0]))).all()
    np.testing.assert_allclose(gross_weights(np.array([300.0, -100.0])), [0.75, 0.25])
    assert float(herfindahl(np.array([300.0, -100.0]))) == 0.625
    assert float(largest_weight(np.array([300.0, -100.0, 0.0]))) == 0.75


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_accounts_begin_where_all_that_they_hold_is_known(seed: int) -> None:
    rng = random.Random(seed)
    symbols, count = rng.randrange(1, 5), rng.randrange(1, 40)
    returns = np.array([[rng.gauss(0, 0.01) for _ in range(count)] for _ in range(symbols)])
    for row in returns:
        row[: rng.choice([0, 0, rng.randrange(count + 1)])] = np.nan
    weights = np.array([[rng.choice([0.0, 0.5, -1.0]) for _ in range(symbols)] for _ in range(6)])
    asked = RiskSettings(confidence=0.95, min_observations=3)
    spy = rng.randrange(symbols)
    found = risk_numbers(portfolio_returns(weights, returns), asked, returns[spy])
    for account, held in enumerate(weights):
        own = returns[held != 0]
        begin = max((int(np.isnan(row).sum()) for row in own), default=0)
        line = held[held != 0] @ own[:, begin:] if len(own) else np.zeros(count)
        assert found.observations[account] == len(line)
        if len(line) < asked.min_observations:
            assert np.isnan([found.var_historical[account], found.expected_shortfall[account], found.realized_volatility[account]]).all()
            continue
        assert found.var_historical[account] == pytest.approx(float(historical_var(line, 0.95)), abs=1e-15)
        assert found.var_parametric[account] == pytest.approx(float(parametric_var(line, 0.95)), abs=1e-15)
        assert found.var_ewma[account] == pytest.approx(float(ewma_var(line, 0.95)), abs=1e-15)
        both = max(begin, int(np.isnan(returns[spy]).sum()))
        expected = float(beta(line[len(line) - count + both :], returns[spy, both:]))
        assert found.beta[account] == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_nan_after_the_beginning_of_a_history_ends_it() -> None:
    returns = np.array([[0.1, np.nan, 0.2, 0.3], [0.1, 0.2, 0.3, 0.4]])
    np.testing.assert_allclose(portfolio_returns(np.array([[1.0, 1.0], [0.0, 1.0]]), returns), [[np.nan, np.nan, 0.5, 0.7], returns[1]])


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 60), probability=st.floats(0.001, 0.999))
def test_the_binomial_distribution_adds_up(count: int, probability: float) -> None:
    exact = 0.0
    for hits in range(count + 1):
        exact += math.comb(count, hits) * probability**hits * (1 - probability) ** (count - hits)
        assert binomial_cumulative(hits, count, probability) == pytest.approx(exact, abs=1e-12)
