"""Rules: what they may say, what they say of a bar, and what is said of those that are wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.indicators.indicator import PriceBar
from operators.signals.expression import Expression, NoValue
from operators.signals.settings import StrategySettings
from operators.signals.strategy import Strategy
from operators.signals.translation import _FINITE, MAX_CHARS, WrongExpression, read_rule
from schemas.errors import UsageError

BAR = PriceBar(open=1.0, high=2.0, low=0.5, close=1.5, volume=0.0)
BANDS = {"upper": 2.0, "middle": 1.0, "lower": None}
VALUES: dict[str, Any] = {"sma(5)": 1.0, "sma(20)": 1.0, "bb(20,2)": BANDS, "rsi(14)": 20.0, "obv": 5.0, "beta(5,BRK.B)": 0.5}
TEXTS = {"last": "flat", "symbol": "SPY", "interval": "1m"}


def value(text: str, result: str = "condition") -> Any:
    return Expression(text, result).evaluate(VALUES, BAR, TEXTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rsi(14) < 30 && close > 1", True),
        ("sma( 5 ) > bb(20, 2).upper", False),
        ("obv == 5 // as it is\n && obv() > 4.5", True),
        ("beta(5,BRK.B) < 1", True),
        ("symbol in ['SPY', 'sma(5)'] && interval == '1m' && last == \"flat\"", True),
        ("price == close && high - low == 3e0 / 2", True),
        ("int(close) % 2 == 1", True),
        ("[1, 2, 3].exists(n, n > 2)", True),
        ("math.greatest(open, close) == 1.5", True),
        ("close / sma(5) / 3 == .5", True),
        ("close / -(sma(5) + 0.5) == -1", True),
        ("volume == 0 || 1 / volume > 2", True),
        ("volume > 0 && 1 / volume > 2", False),
        ("volume == 0 ? close > 1 : 1 / volume > 2", True),
        ("int(close) / 0x1 == 1 && close > double('1')", True),
        ("(symbol + 'X').startsWith('SPY') && symbol + 'X' == 'SPYX'", True),
        ("[1, 2] + [3] == [1, 2, 3] && type(close + 1) == double", True),
        ("-close < 1 && (close - 1) * 2 == 1 && close in [close - 1, close]", True),
    ],
)
def test_values(text: str, expected: bool) -> None:
    assert value(text) is expected


def test_an_indicator_without_a_value_is_none() -> None:
    assert value("bb(20,2).upper > bb(20,2).lower") is None


@pytest.mark.parametrize(
    "text",
    [
        "1 / volume > 0",
        "close / (sma(5) - sma(20)) > 1",
        "close / (1 / (sma(5) / sma(20)) - 1) > 1",
        "int(close) / int(volume) > 1",
        "int(close) % int(volume) == 1",
        "[close / volume].all(x, x > 0)",
    ],
)
def test_a_division_by_zero_has_no_value(text: str) -> None:
    with pytest.raises(NoValue, match="division by zero"):
        value(text)


@pytest.mark.parametrize(
    "text",
    [
        "math.sqrt(close - 2) > 1",
        "close > math.sqrt(close - 2)",
        "math.sqrt(close - 2) > 1 ? false : true",
        "math.greatest(math.sqrt(close - 2), 1) > 0",
        "!(close * 1e308 * 10 - close * 1e308 * 10 < 1)",
        "close * 1e308 * 1e308 > 1",
        "double('nan') != 1",
        "[math.sqrt(-close), 1].exists(n, n > 5)",
        "cel.bind(n, math.sqrt(-close), n > 5)",
        "(close > 1 ? math.sqrt(-close) : 1) > 5",
    ],
)
def test_what_is_not_finite_has_no_value(text: str) -> None:
    with pytest.raises(NoValue, match="computes NaN or an infinity"):
        value(text)


def test_a_short_cut_past_it_has_one() -> None:
    assert value("close < 2 || math.sqrt(close - 2) > 1") is True
    assert value("close >= 2 ? math.sqrt(close - 2) > 1 : close + 1 > 2") is True


@pytest.mark.parametrize("strange", [float("nan"), float("inf")])
def test_an_indicator_or_a_price_that_is_not_finite_is_named(strange: float) -> None:
    with pytest.raises(NoValue, match=f"^obv is {strange}$"):
        Expression("close > 1 || obv > 1", "condition").evaluate({"obv": strange}, BAR, TEXTS)
    with pytest.raises(NoValue, match=f"^high is {strange}$"):
        Expression("high > 1", "condition").evaluate({}, PriceBar(1, strange, 1, 1, 1, 0, 1), TEXTS)


WRONG = [
    ("1 / 0 == 1", "expected a division by something else than 0, found 0.0, which is always 0", 4),
    ("close > 1 || 1.0 / 0.0 > 0", "always 0", 19),
    ("close / (2 - 2) > 1", r"found \(2.0-2.0\), which is always 0", 8),
    ("close / -(0) > 1", "always 0", 8),
    ("int(close) % 0 == 1", "always 0", 13),
    ("close / math.abs(0) > 1", "always 0", 8),
    ("1 / 0x0 == 1", "always 0", 4),
    ("close > 1e999", "expected a number that is finite, found 1e999", 8),
    ("close > " + "9" * 400, "expected a number that is finite", 8),
    ("rsi(14) <", "Syntax error", 8),
    ("rsi(14) < 'x'", "_<_", 8),
    ("close > 1 and true", "and", 10),
    ("  rsy(14) > 1", "rsy", 5),
    ("true && rsi(0) < 3", r"expected n, a whole number from 1", 8),
    ("sma(5,6) > 1", r"expected sma\(n\)", 0),
    ("sma > 1", r"expected sma\(n\)", 0),
    ("sma(5", r"found no \)", 0),
    ("1 < bb(20,2)", r"expected one of bb\(20,2\)\.upper", 4),
    ("bb(20,2).up > 1", "found bb", 0),
    ("sma(5).x > 1", "which is one number", 0),
    ("close + 1", "true or false, found one of type double", 0),
    ("", "Syntax error", 0),
    ("nothing > 1", "undeclared reference to 'nothing'", 0),
    ("x" * (MAX_CHARS + 1), "at most 4000 characters", MAX_CHARS),
]


@pytest.mark.parametrize(("text", "message", "at"), WRONG)
def test_what_is_wrong_and_where(text: str, message: str, at: int) -> None:
    with pytest.raises(WrongExpression, match=message) as caught:
        Expression(text, "condition")
    assert caught.value.at == at


@given(st.text(st.sampled_from("sma(5)bb20,2. upper<>/'\"?:&|+-*01ex\n[]{}"), max_size=60) | st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(WrongExpression):
        Expression(text, "condition")


@given(st.lists(st.sampled_from(["a", "1", "2.5", "(a)", "f(a)[1].b", "-a", "[a, 2]"]), min_size=1, max_size=6))
def test_each_division_is_guarded_unless_it_is_by_a_number(operands: list[str]) -> None:
    source = read_rule(" / ".join(operands)).source(as_doubles=True).text
    assert source.count("cel.bind(d_") == sum(operand not in ("1", "2.5") for operand in operands[1:])


@given(
    st.lists(st.sampled_from(["close", "sma(5)", "(", ")", "[", "]", ",", "+", "-", "/", "<", "?", ":", "&&", "math.abs("]), max_size=30)
)
def test_the_guards_stand_around_whole_words(words: list[str]) -> None:
    """Taken away again, what is left is the rule."""
    rule = read_rule(" ".join(words).replace("math.abs( )", "math.abs(1)"))
    plain, guarded = (rule.source(as_doubles=True, finite=finite).text for finite in (False, True))
    for part in _FINITE:
        guarded = guarded.replace(part, "")
    assert guarded == plain


def test_a_symbol_that_is_no_text_has_no_value() -> None:
    with pytest.raises(NoValue):
        Expression("symbol == 'A'", "condition").evaluate({}, BAR, {**TEXTS, "symbol": "\ud800"})


def strategy(**fields: Any) -> Strategy:
    return Strategy(StrategySettings("s", **fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"expression": "rsi(14) < 30 ? 'buy' : last"}, ("buy", 1.0)),
        ({"expression": "rsi(14) > 30 ? 'buy' : last", "strength": "7"}, None),
        ({"expression": "rsi(14) < 30 ? 'buy' : last", "strength": "7"}, ("buy", 1.0)),
        ({"sell": "true", "flat": "true", "strength": "-close"}, ("sell", 0.0)),
        ({"buy": "false", "sell": "true", "strength": "close / 2"}, ("sell", 0.75)),
        ({"buy": "true", "strength": "bb(20,2).lower"}, None),
        ({"flat": "true", "strength": "1 / volume"}, None),
        ({"buy": "bb(20,2).lower > 1"}, None),
    ],
)
def test_opinions(fields: dict[str, Any], expected: tuple[str, float] | None) -> None:
    opinion = strategy(**fields).opinion(VALUES, BAR, TEXTS)
    assert (opinion and (opinion.action, opinion.strength)) == expected


@pytest.mark.parametrize("fields", [{"expression": "'hold' + ''"}, {"buy": "true", "strength": "double('inf')"}])
def test_what_is_no_opinion(fields: dict[str, Any]) -> None:
    with pytest.raises(NoValue, match="expected"):
        strategy(**fields).opinion(VALUES, BAR, TEXTS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "found none"),
        ({"expression": "'buy'", "flat": "true"}, "found both"),
        ({"expression": "close > 1 ? 'by' : last"}, r"character 13: expected 'buy', 'sell' or 'flat', found 'by'"),
        ({"buy": "true", "strength": "'a'"}, "'s', strength, character 1: expected an expression that gives a number"),
        ({"expression": "close"}, "'s', expression, character 1: .* type double"),
    ],
)
def test_a_wrong_strategy_is_refused_with_the_place(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        strategy(**fields)
