"""Names of indicators: what is taken, and what is said of the others."""

from __future__ import annotations

import random

import pytest

from operators.indicators.batch import compute
from operators.indicators.kinds import KINDS
from operators.indicators.names import parse_indicator, parse_indicators, signature
from schemas.errors import UsageError
from tests.operators.cases_indicators import ALL, prices


@pytest.mark.parametrize("text", [*ALL, " macd( 12, 26 , 9 ) ", "bb(20,2.5)", "psar(.02,0.2)", "correlation(20,BRK.B)", "obv()"])
def test_taken(text: str) -> None:
    definition = parse_indicator(text)
    assert definition.text == text
    assert definition.make() is not definition.make()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rsy(14)", "macd(fast,slow,signal)"),
        ("", "the indicators are"),
        ("rsi(14", "the indicators are"),
        ("RSI(14)", "rsi(n)"),
        ("rsi", "expected rsi(n)"),
        ("rsi(14,2)", "expected rsi(n)"),
        ("obv(3)", "expected obv,"),
        ("sma(0)", "n 1 to 10000"),
        ("sma(10001)", "n 1 to 10000"),
        ("sma(-5)", "a whole number"),
        ("sma(2.5)", "a whole number"),
        ("sma(99999999999999999999)", "n 1 to 10000"),
        ("sma(٣)", "a whole number"),
        ("bb(20,nan)", "a number"),
        ("bb(20,1e3)", "a number"),
        ("psar(0.02,2)", "max 0 to 1"),
        ("macd(26,12,9)", "fast < slow"),
        ("psar(0.2,0.02)", "step <= max"),
        ("hma(1)", "n 2 to 10000"),
        ("correlation(20)", "correlation(n,OTHER)"),
        ("beta(20,)", "a symbol of 1 to 64 bytes"),
        (f"beta(20,{'x' * 65})", "a symbol of 1 to 64 bytes"),
    ],
)
def test_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_indicator(text)
    assert said in f"{error.value} {error.value.hint}"


def test_one_stands_once() -> None:
    with pytest.raises(UsageError, match=r"once, found sma\(2\)"):
        parse_indicators(("sma(2)", "obv", "sma(2)"))


def test_signatures() -> None:
    assert [signature(name) for name in ("obv", "stoch", "keltner")] == ["obv", "stoch(k,d,smooth)", "keltner(ema,multiplier,atr)"]
    assert len(KINDS) == 33


@pytest.mark.parametrize("name", ALL)
def test_each_kind_says_which_numbers_it_gives(name: str) -> None:
    definition = parse_indicator(name)
    made = definition.make()
    bars = prices(random.Random(3), 60)
    last = [made.update(bar.close, bar.open) if definition.other else made.update(bar) for bar in bars][-1]
    assert tuple(last if isinstance(last, dict) else ()) == definition.kind.fields


def test_a_table_of_bars_has_no_order_flow() -> None:
    with pytest.raises(UsageError, match="expected an indicator of bars, found ofi"):
        compute("ofi", [])
