"""A rule, compiled: its type is known at the start, its value at each bar."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_math

from operators.indicators.indicator import PriceBar, Value
from operators.signals.translation import DIVISION_BY_ZERO, NOT_FINITE, Rule, Source, WrongExpression, read_rule

NUMBERS: dict[str, Callable[[PriceBar], float]] = {
    "open": lambda bar: bar.open,
    "high": lambda bar: bar.high,
    "low": lambda bar: bar.low,
    "close": lambda bar: bar.close,
    "volume": lambda bar: bar.volume,
    "price": lambda bar: bar.close,
}
"""What a rule may say of the bar."""

TEXTS = ("last", "symbol", "interval")
"""What else it may name: the strategy's last action, the bar's symbol and interval."""

RESULTS = {"action": ("STRING",), "condition": ("BOOL",), "strength": ("DOUBLE", "INT", "UINT")}
"""CEL types that a rule may have, by what it is for."""

_EXTENSIONS = [ext_math.ExtMath(), ext_bindings.ExtBindings()]
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


class NoValue(Exception):
    """A rule has no value for this bar: it divides by zero, meets NaN or an infinity, or its result means nothing."""


class Expression:
    """A rule that can be asked."""

    def __init__(self, text: str, result: str) -> None:
        """``result``: one of RESULTS.

        Raises:
            WrongExpression: the text does not compile, has another type, or divides by what is always 0.
        """
        self.rule = read_rule(text)
        self._uses = tuple((variable, use.text, use.field) for use, variable in self.rule.uses.items())
        names = self.rule.names
        self._numbers = tuple((name, read) for name, read in NUMBERS.items() if name in names)
        self._texts = tuple(name for name in TEXTS if name in names)
        self._program = _compiled(text, self.rule, self._variables(), result)

    def _variables(self) -> dict[str, Any]:
        doubles = [variable for variable, _, _ in self._uses] + [name for name, _ in self._numbers]
        return {**dict.fromkeys(doubles, cel.Type.DOUBLE), **dict.fromkeys(self._texts, cel.Type.STRING)}

    def evaluate(self, values: Mapping[str, Value], bar: PriceBar, texts: Mapping[str, str]) -> Any:
        """The value for a bar; None where an indicator has none yet.

        Args:
            values: of indicators, by their text without spaces.
            bar: the bar.
            texts: by the names of TEXTS.

        Raises:
            NoValue: there is none.
        """
        data: dict[str, Any] = {}
        for variable, text, part in self._uses:
            value = values[text]
            if isinstance(value, dict):
                value = value[part]
            if value is None:
                return None
            data[variable] = value
            if not isfinite(value):
                raise NoValue(f"{text}{'.' * bool(part)}{part} is {value}")
        for name, read in self._numbers:
            data[name] = read(bar)
            if not isfinite(data[name]):
                raise NoValue(f"{name} is {data[name]}")
        for name in self._texts:
            data[name] = texts[name]
        try:
            found = self._program.eval(data=data)
        except (RuntimeError, UnicodeError) as error:  # a symbol that is no text
            raise NoValue(str(error)) from None
        if found.type() == cel.Type.ERROR:
            raise NoValue(_told(str(found.value())))
        return found.value()


@lru_cache(maxsize=1024)
def compiled(text: str, result: str) -> Expression:
    """The expression of a text, one for all shards: compiling takes a millisecond.

    Raises:
        WrongExpression: see Expression.
    """
    return Expression(text, result)


def _compiled(text: str, rule: Rule, variables: Mapping[str, Any], result: str) -> Any:
    """The program; whole numbers are doubles unless the rule only has a meaning otherwise."""
    environment = cel.NewEnv(variables=variables, extensions=_EXTENSIONS)
    first: WrongExpression | None = None
    for as_doubles in (True, False):
        source = rule.source(as_doubles=as_doubles)
        try:
            program = environment.compile(source.text)
        except (RuntimeError, UnicodeError) as error:
            first = first or _wrong(text, source, str(error))
            continue
        found = program.return_type().name()
        if found in RESULTS[result]:
            _check_divisors(rule, as_doubles=as_doubles)
            return environment.compile(rule.source(as_doubles=as_doubles, finite=True).text)
        expected = {"action": "a text: 'buy', 'sell' or 'flat'", "condition": "true or false", "strength": "a number"}[result]
        first = first or WrongExpression(f"expected an expression that gives {expected}, found one of type {found.lower()}", 0)
    assert first is not None
    raise first


def _check_divisors(rule: Rule, *, as_doubles: bool) -> None:
    """Refuse a division by what is 0 whatever the bar is: what compiles without a variable has one value."""
    environment = cel.NewEnv(variables={}, extensions=_EXTENSIONS)
    for text, at in rule.divisors(as_doubles=as_doubles):
        try:
            found = environment.compile(text).eval(data={})
        except (RuntimeError, UnicodeError):
            continue
        if found.type() != cel.Type.ERROR and found.value() == 0:
            raise WrongExpression(f"expected a division by something else than 0, found {text[:40]}, which is always 0", at)


def _wrong(text: str, source: Source, said: str) -> WrongExpression:
    """The compiler's first word, told of the rule."""
    match = _ERROR.search(said)
    if match is None:
        return WrongExpression(said.partition("\n")[0], 0)
    message = re.sub(r" \(in container ''\)|: mismatched input '<EOF>' expecting .*|expecting \{.*", "", match.group(3))
    at = source.place(int(match.group(2)) - 1) if int(match.group(1)) == 1 else 0
    hint = "a rule may name " + ", ".join((*NUMBERS, *TEXTS)) + ", and indicators such as sma(20) or bb(20,2).upper"
    near = text[at : at + 20].partition("\n")[0]
    return WrongExpression(f"{message}, at {near!r}" if near else message, at, hint=hint if "undeclared" in message else "")


def _told(said: str) -> str:
    if DIVISION_BY_ZERO in said or "by zero" in said:
        return "division by zero"
    if NOT_FINITE in said:
        return "expected finite numbers, found that the rule computes NaN or an infinity"
    return said.partition(": ")[2] or said
