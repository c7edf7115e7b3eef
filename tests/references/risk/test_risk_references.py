"""Risk statistics that others worked out: each table beside this file, case by case."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from operators.risk.statistics.beta import beta
from operators.risk.statistics.christoffersen import Transitions, conditional_coverage_test, independence_test
from operators.risk.statistics.drawdown import drawdowns, wealth
from operators.risk.statistics.ewma import ewma_variance
from operators.risk.statistics.historical import expected_shortfall, historical_var
from operators.risk.statistics.kupiec import kupiec_test
from operators.risk.statistics.likelihood import RatioTest
from operators.risk.statistics.parametric import parametric_var, standard_deviation
from operators.risk.statistics.series import Floats
from operators.risk.statistics.traffic_light import traffic_light

FOLDER = Path(__file__).parent
TABLES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}
CASES = [pytest.param(case, id=f"{name}-{case['at']}") for name, table in TABLES.items() for case in table.get("cases", ())]
REJECTED_FROM = 3.841458820694124
"""95% of a chi-squared distribution with one degree of freedom."""

Given = dict[str, Any]


def returns_of(given: Given) -> Floats:
    closes = np.array(given.get("closes", ()), float)
    return np.diff(np.log(closes)) if len(closes) else np.array(given["returns"], float)


def kupiec(given: Given) -> RatioTest:
    return kupiec_test(given["exceptions"], given["observations"], given["confidence"])


def independence(given: Given) -> RatioTest:
    return independence_test(Transitions(given["n00"], given["n01"], given["n10"], given["n11"]))


def both(given: Given) -> RatioTest:
    return conditional_coverage_test(kupiec(given), independence(given))


def light(given: Given) -> Any:
    return traffic_light(given["exceptions"], given["observations"], given["confidence"])


STATISTICS: dict[str, Callable[[Given], Any]] = {
    "historical_var": lambda given: historical_var(returns_of(given), given["confidence"]),
    "expected_shortfall": lambda given: expected_shortfall(returns_of(given), given["confidence"]),
    "parametric_var": lambda given: parametric_var(returns_of(given), given["confidence"]),
    "standard_deviation": lambda given: standard_deviation(returns_of(given)) * math.sqrt(given["periods"]),
    "variance": lambda given: standard_deviation(returns_of(given)) ** 2 * given["periods"],
    "ewma_variance": lambda given: ewma_variance(returns_of(given), given["decay"]),
    "ewma_volatility": lambda given: math.sqrt(float(ewma_variance(returns_of(given), given["decay"])) * given.get("periods", 1)),
    "max_drawdown": lambda given: np.max(drawdowns(wealth(returns_of(given)))),
    "beta": lambda given: beta(returns_of(given), np.array(given["benchmark"], float)),
    "kupiec": lambda given: kupiec(given).statistic,
    "kupiec_p": lambda given: kupiec(given).p_value,
    "independence": lambda given: independence(given).statistic,
    "independence_p": lambda given: independence(given).p_value,
    "conditional_coverage": lambda given: both(given).statistic,
    "conditional_coverage_p": lambda given: both(given).p_value,
    "cumulative": lambda given: light(given).cumulative_probability,
    "zone": lambda given: light(given).zone,
}


@pytest.mark.parametrize("case", CASES)
def test_a_case_comes_out_as_its_source_says(case: Given) -> None:
    found, expected = STATISTICS[case["of"]](case["with"]), case["expect"]
    if isinstance(expected, str):
        assert found == expected
    elif expected is None:
        assert np.isnan(found)
    else:
        tolerance = {"abs": case["within"]} if "within" in case else {"rel": 1e-13, "abs": 1e-15}
        assert float(found) == pytest.approx(expected, **tolerance)


def test_every_table_says_its_source() -> None:
    assert len(TABLES) >= 5
    assert all(table["source"] and table["where"] and table["conventions"] for table in TABLES.values())


@pytest.mark.parametrize("row", TABLES["basel"]["rows"], ids=lambda row: row["exceptions"])
def test_the_table_of_basel(row: Given) -> None:
    found = traffic_light(row["exceptions"], 250, 0.99)
    assert found.zone == row["zone"]
    assert found.multiplier_increase == row["increase"]
    assert round(100 * found.cumulative_probability, 2) == row["probability"]


def test_more_than_ten_exceptions_are_red() -> None:
    assert {traffic_light(exceptions, 250, 0.99).zone for exceptions in range(10, 251)} == {"red"}
    assert traffic_light(250, 250, 0.99).multiplier_increase == 1.0
    assert traffic_light(3, 250, 0.95).multiplier_increase is None


REGIONS = [(row["confidence"], days, region) for row in TABLES["kupiec"]["regions"] for days, region in row.items() if days != "confidence"]


@pytest.mark.parametrize(("confidence", "observations", "region"), REGIONS)
def test_the_regions_of_kupiec(confidence: float, observations: int, region: list[int]) -> None:
    statistics = [kupiec_test(exceptions, observations, confidence).statistic for exceptions in range(observations + 1)]
    accepted = [exceptions for exceptions, statistic in enumerate(statistics) if statistic < REJECTED_FROM]
    assert [accepted[0], accepted[-1]] == region
    assert accepted == list(range(accepted[0], accepted[-1] + 1))
