"""``trademaster analyze var``: the same numbers for a person and for a program, and what is wrong with a file said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from operators.risk.statistics.backtest import METHODS, backtest
from operators.risk.statistics.traffic_light import traffic_light
from trademaster.cli import execute

LEAN = Path(__file__).resolve().parents[1] / "references" / "risk" / "lean-spy.csv"
PRICES = pl.read_csv(LEAN)["close"].to_numpy()
RETURNS = PRICES[1:] / PRICES[:-1] - 1.0


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert execute(["analyze", "var", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_method_is_the_backtest_of_the_column(capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(capsys, "--input", str(LEAN), "--column", "close", "--window", "300", "--confidence", "0.975")
    assert [answer[name] for name in ("column", "kind", "returns", "confidence", "window")] == ["close", "prices", 1299, 0.975, 300]
    assert [one["method"] for one in answer["methods"]] == list(METHODS)
    for one in answer["methods"]:
        expected = backtest(RETURNS, one["method"], 0.975, 300)
        assert (one["observations"], one["exceptions"]) == (999, expected.exceptions)
        assert one["kupiec"]["statistic"] == expected.kupiec.statistic
        assert one["independence"]["pValue"] == expected.independence.p_value
        assert one["conditionalCoverage"]["rejected"] == (expected.conditional_coverage.p_value < 0.05)
        assert one["trafficLight"]["zone"] == expected.light.zone
        last = int(np.sum(expected.exceeded[-250:]))
        assert one["trafficLightLast250"]["exceptions"] == last
        assert one["trafficLightLast250"]["zone"] == traffic_light(last, 250, 0.975).zone
        assert one["nextVar"] == pytest.approx(float(METHODS[one["method"]](RETURNS[-300:], 0.975)))
        assert len(one["exceptionRows"]) == one["exceptions"]
        for exception in one["exceptionRows"]:
            row = exception["row"]  # the first price is row 1
            assert exception["return"] == PRICES[row - 1] / PRICES[row - 2] - 1.0
            assert -exception["return"] > exception["var"]


def test_returns_in_parquet_are_the_same_as_prices_in_csv(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "returns.parquet"
    pl.DataFrame({"day": range(len(RETURNS)), "Daily Return": RETURNS}).write_parquet(file)
    of_prices = asked(capsys, "--input", str(LEAN), "--method", "historical")
    of_returns = asked(capsys, "--input", str(file), "--method", "historical")
    assert (of_returns["kind"], of_returns["column"]) == ("returns", "Daily Return")
    before, after = of_prices["methods"][0], of_returns["methods"][0]
    assert [one["row"] - 1 for one in before.pop("exceptionRows")] == [one["row"] for one in after.pop("exceptionRows")]
    assert before == after


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter_and_gzip(capsys: pytest.CaptureFixture[str], tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "prices.csv.gz"
    lines = [delimiter.join(("day", "Adj Close")), *(delimiter.join((str(day), f" {price} ")) for day, price in enumerate(PRICES[:300]))]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert asked(capsys, "--input", str(file))["methods"][0]["observations"] == 299 - 252


def test_a_person_sees_a_table_of_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert execute(["analyze", "var", "--input", str(LEAN)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for text in ("historical", "parametric", "ewma", "Kupiec", "Christoffersen", "zone", "1,047", "1,299 returns"):
        assert text in shown


def test_a_series_of_fewer_than_250_observations_has_no_last_250(capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(capsys, "--input", str(LEAN), "--window", "1100", "--method", "ewma")
    assert answer["methods"][0]["trafficLightLast250"] is None
    assert execute(["analyze", "var", "--input", str(LEAN), "--window", "1100"]) == 0


@pytest.mark.parametrize(
    ("text", "arguments", "says", "hint"),
    [
        ("close\n1\n2\n", [], "253 returns or more", "--window"),
        ("close\n1\n", ["--window", "2"], "found 0", "--window"),
        ("close\n", ["--window", "2"], "found 0", "--window"),
        ("", [], "cannot be read", "CSV"),
        ("a,b\n1,2\n", [], "expected a column close", "--column"),
        ("a,b\n1,2\n", ["--column", "c"], "expected a column 'c', found 'a', 'b'", "--column"),
        ("close\n1\nabc\n3\n", [], "found 'abc' in row 2", "gap"),
        ("close\n1\nNaN\nnan\n", [], "found 'NaN' in row 2, and 1 more", "gap"),
        ("close,x\n1,\n,1\n", [], "found nothing in row 2", "gap"),
        ("close\n1\ninf\n", [], "found 'inf' in row 2", "gap"),
        ("close\n1\n0\n", [], "prices above 0", "--returns"),
        ("x\n0.1\n-0.1\n", ["--price"], "found -0.1 in row 2", "--returns"),
        ("close\n1\n2\n", ["--confidence", "99"], "found 99", "0.99"),
        ("close\n1\n2\n", ["--confidence", "1"], "below 1", "0.99"),
        ("close\n1\n2\n", ["--confidence", "nan"], "found nan", "0.99"),
        ("close\n1\n2\n", ["--window", "1"], "2 observations or more", "252"),
        ("close\n1\n2\n", ["--window", "-5"], "found -5", "252"),
        ("close,b\n1,2\n3,4,5,6\n", [], "cannot be read", "CSV"),
        ("close\n1\n2\n", ["--method", "monte-carlo"], "monte-carlo", "--help"),
    ],
)
def test_what_cannot_be_done_says_what_was_expected_and_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, arguments: list[str], says: str, hint: str
) -> None:
    file = tmp_path / "series.csv"
    file.write_text(text)
    assert execute(["analyze", "var", "--input", str(file), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    error, _, advice = printed.err.partition("hint: ")
    assert says in error
    assert hint in advice


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "found none"),
        ("broken.parquet", b"not parquet", "cannot be read"),
        ("binary.csv", bytes(range(256)), "series"),
    ],
)
def test_files_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    assert execute(["analyze", "var", "--input", str(file)]) == 2
    printed = capsys.readouterr().err
    assert says in printed or "cannot be read" in printed or "expected a column" in printed
    assert "unexpected" not in printed


def test_dates_are_no_numbers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "dates.parquet"
    pl.DataFrame({"close": pl.Series(["2020-01-01"] * 3).str.to_date()}).write_parquet(file)
    assert execute(["analyze", "var", "--input", str(file)]) == 2
    assert "expected numbers in column 'close', found Date" in capsys.readouterr().err
