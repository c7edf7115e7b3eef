"""Every indicator, item by item, as Stock.Indicators expects it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from operators.indicators.kinds import KINDS
from tests.references.indicators.quotes import HERE, columns, ours

EXPECTED = {row["indicator"]: row["values"] for row in map(json.loads, (HERE / "expected.jsonl").read_text().splitlines())}

LOSES_DIGITS = {"cci", "zscore", "correlation", "beta"}
"""Quotients of small differences; the reference takes E[x^2] - E[x]^2 in the last two."""


@pytest.mark.parametrize("indicator", EXPECTED)
def test_equals(indicator: str) -> None:
    expected = {field: columns(values, ["value"])["value"] for field, values in EXPECTED[indicator].items()}
    found = ours(indicator, list(expected), is_swapped=True)
    tolerance = 1e-10 if indicator.partition("(")[0] in LOSES_DIGITS else 1e-13
    for field, values in expected.items():
        assert len(values) == 502
        assert np.isfinite(values).sum() > 400, "an indicator has no values"
        np.testing.assert_allclose(found[field], values, rtol=tolerance, atol=tolerance, err_msg=field, equal_nan=True)


def test_none_is_left_out() -> None:
    assert {indicator.partition("(")[0] for indicator in EXPECTED} == {name for name, kind in KINDS.items() if not kind.is_flow}
