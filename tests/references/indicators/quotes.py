"""The quotes, and answers as columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.indicators.batch import compute, compute_pair
from operators.indicators.indicator import PriceBar
from operators.indicators.names import parse_indicator

HERE = Path(__file__).resolve().parent

Floats = npt.NDArray[np.float64]


def quotes(name: str) -> list[PriceBar]:
    """Bars of which only the time is known, not how long they are."""
    with (HERE / f"{name}.csv").open(encoding="utf-8") as lines:
        return [_bar(row) for row in csv.DictReader(lines)]


def _bar(row: dict[str, str]) -> PriceBar:
    time_ns = int(datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()) * 10**9
    first, high, low, close, volume = (float(row[name]) for name in ("open", "high", "low", "close", "volume"))
    return PriceBar(first, high, low, close, volume, start=time_ns, end=time_ns)


DEFAULT, COMPARE = quotes("default"), quotes("compare")


def columns(values: Sequence[Any], fields: Sequence[str]) -> dict[str, Floats]:
    """By field; ``value`` is that of an indicator with one. NaN is None."""

    def column(field: str) -> Floats:
        found = [value.get(field) if isinstance(value, dict) else value for value in values]
        return np.array([np.nan if one is None else one for one in found], dtype=np.float64)

    return {field: column(field) for field in fields}


def ours(indicator: str, fields: Sequence[str], *, is_swapped: bool = False) -> dict[str, Floats]:
    """What we say of the default quotes; pairs are with ``compare``, or of that with the default quotes."""
    if parse_indicator(indicator).other is None:
        return columns(compute(indicator, DEFAULT), fields)
    pair = (COMPARE, DEFAULT) if is_swapped else (DEFAULT, COMPARE)
    return columns(compute_pair(indicator, zip(*pair, strict=True)), fields)
