"""The command of a user: indicators of any table, item by item as Stock.Indicators expects them."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.running import command
from tests.references.indicators.quotes import HERE, columns

INDICATORS = (
    "sma(20)",
    "ema(20)",
    "rsi(14)",
    "macd(12,26,9)",
    "bb(20,2)",
    "atr(14)",
    "roc(20)",
    "stdev(10)",
    "willr(14)",
    "vwap",
    "adx(14)",
)
EXPECTED = {row["indicator"]: row["values"] for row in map(json.loads, (HERE / "expected.jsonl").read_text().splitlines())}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Values of each of 502 bars, of a table whose columns have names of their own and whose symbols are a column."""
    table: Path = tmp_path_factory.mktemp("table") / "bars.csv"
    with (HERE / "default.csv").open(encoding="utf-8") as quotes, table.open("w", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Ticker", "Day", "O", "H", "L", "C", "V", "Note"])
        for row in csv.DictReader(quotes):
            writer.writerow(["SPY", *(row[name] for name in ("date", "open", "high", "low", "close", "volume")), "x"])
    named = "symbol=Ticker,timestamp=Day,open=O,high=H,low=L,close=C,volume=V"
    wanted = f"signals.indicators={json.dumps([name for name in INDICATORS if name in EXPECTED])}"
    line = command("pipe", "signals", "--input", str(table), "--topic", "market.bars", "--columns", named, "--set", wanted)
    done = subprocess.run(line, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    records = [json.loads(record) for record in done.stdout.splitlines()]
    assert {record["topic"] for record in records} == {"market.indicators"}
    return [record["value"]["payload"]["values"] for record in records]


@pytest.mark.parametrize("indicator", [name for name in INDICATORS if name in EXPECTED])
def test_equals(said: list[dict[str, Any]], indicator: str) -> None:
    expected = {field: columns(values, ["value"])["value"] for field, values in EXPECTED[indicator].items()}
    found = columns([values[indicator] for values in said], list(expected))
    for field, values in expected.items():
        np.testing.assert_allclose(found[field], values, rtol=1e-13, atol=1e-13, err_msg=field, equal_nan=True)


def test_enough_is_compared() -> None:
    assert sum(name in EXPECTED for name in INDICATORS) >= 9, sorted(EXPECTED)
