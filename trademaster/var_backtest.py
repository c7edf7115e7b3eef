"""The backtest of value at risk that ``trademaster analyze var`` runs over a file, and its report as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from operators.risk.statistics.backtest import METHODS, MIN_WINDOW, Backtest, backtest
from operators.risk.statistics.likelihood import RatioTest
from operators.risk.statistics.series import Floats
from operators.risk.statistics.traffic_light import BASEL_OBSERVATIONS, TrafficLight, traffic_light
from schemas.errors import UsageError
from trademaster.series_input import PRICE_COLUMNS, RETURN_COLUMNS, Series, plain_name, read_series

REJECTED_BELOW = 0.05
"""P-value: a test rejects at 95%."""

MIN_CONFIDENCE = 0.5

Kind = Literal["prices", "returns"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked for."""

    path: Path
    column: str | None
    kind: Kind | None
    confidence: float
    window: int
    method: str
    """One of METHODS, or ``all``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A backtest of each method."""

    question: Question
    column: str
    kind: Kind
    first_row: int
    """Row of the file, from 1, of the first observation."""
    returns: Floats
    backtests: Sequence[Backtest]
    next_var: Sequence[float]
    """Of each method, for the observation that is still to come."""


def run_backtest(question: Question) -> Answer:
    """Read the file and test the methods.

    Raises:
        UsageError: an option, or what the file holds, cannot be used.
    """
    confidence, window = question.confidence, question.window
    if not MIN_CONFIDENCE <= confidence < 1.0:
        hint = f"write {confidence / 100.0:g} for {confidence:g}%" if 1.0 < confidence < 100.0 else "write for example 0.99"
        raise UsageError(f"--confidence: expected a fraction from {MIN_CONFIDENCE} to below 1, found {confidence:g}", hint=hint)
    if window < MIN_WINDOW:
        raise UsageError(f"--window: expected {MIN_WINDOW} observations or more, found {window}", hint="write for example --window 252")
    series, kind = _series(question)
    returns = _returns(question, series, kind)
    if len(returns) <= window:
        raise UsageError(
            f"{question.path.name}: expected {window + 1} returns or more (a window of {window} and one to foretell), found {len(returns)}",
            hint="give a longer file or a shorter --window",
        )
    methods = list(METHODS) if question.method == "all" else [question.method]
    return Answer(
        question=question,
        column=series.column,
        kind=kind,
        first_row=window + (2 if kind == "prices" else 1),
        returns=returns,
        backtests=[backtest(returns, method, confidence, window) for method in methods],
        next_var=[float(METHODS[method](returns[-window:], confidence)) for method in methods],
    )


def _series(question: Question) -> tuple[Series, Kind]:
    """The column, and what it holds: as said, else as its name says."""
    wanted = {"prices": PRICE_COLUMNS, "returns": RETURN_COLUMNS, None: (*PRICE_COLUMNS, *RETURN_COLUMNS)}[question.kind]
    series = read_series(question.path, question.column, wanted)
    name = plain_name(series.column)
    named: Kind = "returns" if "return" in name or name in RETURN_COLUMNS else "prices"
    return series, question.kind or named


def _returns(question: Question, series: Series, kind: Kind) -> Floats:
    if kind == "returns":
        return series.values
    below = np.flatnonzero(series.values <= 0.0)
    if len(below):
        row = int(below[0])
        raise UsageError(
            f"{question.path.name}: expected prices above 0 in column {series.column!r}, found {series.values[row]:g} in row {row + 1}",
            hint="give --returns if these are returns already",
        )
    return np.asarray(series.values[1:] / series.values[:-1] - 1.0)


def report(answer: Answer) -> dict[str, Any]:
    """All of an answer as plain data, for JSON: fractions, not percent."""
    return {
        "input": answer.question.path.name,
        "column": answer.column,
        "kind": answer.kind,
        "returns": len(answer.returns),
        "confidence": answer.question.confidence,
        "window": answer.question.window,
        "methods": [_method(answer, one, following) for one, following in zip(answer.backtests, answer.next_var, strict=True)],
    }


def _method(answer: Answer, one: Backtest, following: float) -> dict[str, Any]:
    last = last_light(one)
    return {
        "method": one.method,
        "observations": one.observations,
        "exceptions": one.exceptions,
        "expected": one.expected,
        "kupiec": _test(one.kupiec),
        "independence": {**_test(one.independence), **asdict(one.steps)},
        "conditionalCoverage": _test(one.conditional_coverage),
        "trafficLight": _light(one.exceptions, one.light),
        "trafficLightLast250": None if last is None else _light(*last),
        "meanVar": float(np.mean(one.value_at_risk)),
        "nextVar": following,
        "exceptionRows": [
            {"row": answer.first_row + at, "return": float(answer.returns[one.window + at]), "var": float(one.value_at_risk[at])}
            for at in np.flatnonzero(one.exceeded).tolist()
        ],
    }


def last_light(one: Backtest) -> tuple[int, TrafficLight] | None:
    """Exceptions and zone of the last 250 observations, as Basel counts them; None where there are fewer."""
    if one.observations < BASEL_OBSERVATIONS:
        return None
    exceptions = int(np.sum(one.exceeded[-BASEL_OBSERVATIONS:]))
    return exceptions, traffic_light(exceptions, BASEL_OBSERVATIONS, one.confidence)


def _test(test: RatioTest) -> dict[str, Any]:
    return {"statistic": test.statistic, "pValue": test.p_value, "rejected": test.p_value < REJECTED_BELOW}


def _light(exceptions: int, light: TrafficLight) -> dict[str, Any]:
    return {
        "zone": light.zone,
        "exceptions": exceptions,
        "cumulativeProbability": light.cumulative_probability,
        "multiplierIncrease": light.multiplier_increase,
    }
