"""A rule as a person writes it, ``sma(5) > bb(20,2).upper ? 'buy' : last``, becomes CEL.

- An indicator, ``sma(5)`` or ``bb(20,2).upper``, becomes a variable of its own.
- A whole number becomes a double, ``30`` is ``30.0``: CEL never mixes the two, and prices and indicators are doubles.
- What follows ``/`` is guarded: CEL lets doubles divide by zero, and what is larger than an infinity would be a signal.
- What is computed is guarded too: a comparison with NaN is false, and nobody would hear of it.

Each character of the result knows which one of the rule it came from, so that the compiler's word on an error can be told of the rule.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isinf
from typing import NamedTuple

from operators.indicators.kinds import KINDS
from operators.indicators.names import Definition, parse_indicator, signature
from schemas.errors import UsageError

MAX_CHARS = 4_000

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
    |(?P<string>[rRbB]{0,2}(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<integer>0[xX][0-9a-fA-F]+[uU]?|\d+[uU]?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_CLOSING = {"(": ")", "[": "]", "{": "}"}

_GUARD = ("cel.bind(d_, ", ", [d_][d_ == d_ - d_ ? 1 : 0])")
"""Of what a number is divided by, double or integer: that number, or an error of its index where it is 0."""

DIVISION_BY_ZERO = "Index error: index=1 size=1"
"""What the guard's error says."""

_FINITE = ("cel.bind(v_, ", ", type(v_) == double && !math.isFinite(dyn(v_)) ? [v_][2] : v_)")
"""Of a computed value: that value, or an error of its index where it is NaN or infinite."""

NOT_FINITE = "Index error: index=2 size=1"
"""What that guard's error says."""

_BOUNDS = frozenset({"&&", "||", "?", ":", ",", "<", "<=", ">", ">=", "==", "!=", "in"})
"""Words that bind less than arithmetic does: what stands between them is computed by itself."""


class WrongExpression(UsageError):
    """A rule cannot be understood.

    Attributes:
        at: place of the trouble in the rule, from 0.
    """

    def __init__(self, message: str, at: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.at = at


class Token(NamedTuple):
    """A word of a rule."""

    kind: str
    text: str
    at: int


class Use(NamedTuple):
    """A number of an indicator that a rule names."""

    text: str
    """Of the indicator, without spaces."""
    field: str
    """Empty: it is one number."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in words, indicators already variables."""

    tokens: tuple[Token, ...]
    uses: dict[Use, str] = field(default_factory=dict)
    """To the variable that stands for it."""
    definitions: dict[str, Definition] = field(default_factory=dict)
    """Of the indicators, by text."""

    @property
    def names(self) -> set[str]:
        """All words that may be variables of other kinds."""
        return {token.text for token in self.tokens if token.kind == "name"}

    def source(self, *, as_doubles: bool, finite: bool = False) -> Source:
        """The rule as CEL; with ``as_doubles`` whole numbers are doubles, with ``finite`` what is computed is guarded."""
        parts, starts, places = [], [], []
        length = 0
        for token in _guarded(_finite(self.tokens) if finite else self.tokens):
            text = _written(token, as_doubles=as_doubles)
            starts.append(length)
            places.append(token.at)
            parts.append(text)
            length += len(text)
        return Source("".join(parts), starts, places)

    def divisors(self, *, as_doubles: bool) -> list[tuple[str, int]]:
        """What is divided by, also for a remainder: as CEL, and its place."""
        starts = [at + 1 for at, token in enumerate(self.tokens) if token.kind == "sign" and token.text in "/%"]
        ends = [_operand_end(self.tokens, start) for start in starts]
        return [
            ("".join(_written(token, as_doubles=as_doubles) for token in self.tokens[start:end]), self.tokens[start].at)
            for start, end in zip(starts, ends, strict=True)
            if end > start
        ]


@dataclass(frozen=True, slots=True)
class Source:
    """CEL, and where in the rule it comes from."""

    text: str
    starts: list[int]
    places: list[int]

    def place(self, column: int) -> int:
        """Place in the rule of a place in the text."""
        at = bisect_right(self.starts, column) - 1
        return self.places[at] if self.places else 0


def read_rule(text: str) -> Rule:
    """The rule of a text.

    Raises:
        WrongExpression: it is too long, or names an indicator or a number that there is not.
    """
    if len(text) > MAX_CHARS:
        raise WrongExpression(f"expected at most {MAX_CHARS} characters, found {len(text)}", MAX_CHARS)
    raw = [Token(str(match.lastgroup), match.group(), match.start()) for match in _TOKEN.finditer(text)]
    rule, at = Rule(()), 0
    tokens: list[Token] = []
    words = [token for token in raw if token.kind != "space"]
    for token in words:
        if token.kind in ("integer", "double") and not token.text.lower().startswith("0x") and isinf(float(token.text.strip("uU"))):
            raise WrongExpression(f"expected a number that is finite, found {token.text[:40]}", token.at)
    while at < len(words):
        token = words[at]
        if token.kind == "name" and token.text in KINDS and (not at or words[at - 1].text != "."):
            variable, at = _indicator(text, words, at, rule)
            tokens.append(Token("indicator", variable, token.at))
        else:
            tokens.append(token)
            at += 1
    return Rule(tuple(_spaced(tokens)), rule.uses, rule.definitions)


def _spaced(tokens: Sequence[Token]) -> Iterator[Token]:
    """Words that would grow together get a space between them."""
    for at, token in enumerate(tokens):
        if at and token.kind not in ("sign", "string") and tokens[at - 1].kind not in ("sign", "string"):
            yield Token("space", " ", token.at)
        yield token


def _indicator(text: str, words: Sequence[Token], at: int, rule: Rule) -> tuple[str, int]:
    """The variable of the indicator that begins at a word, and where the words go on."""
    name, end = words[at], at + 1
    kind = KINDS[name.text]
    if end < len(words) and words[end].text == "(":
        while end < len(words) and words[end].text != ")":
            end += 1
        if end == len(words):
            raise WrongExpression(f"expected {signature(name.text)}, found no )", name.at)
        end += 1
    written = re.sub(r"\s+", "", text[name.at : words[end - 1].at + len(words[end - 1].text)]).removesuffix("()")
    try:
        definition = parse_indicator(written)
    except UsageError as error:
        raise WrongExpression(str(error), name.at, hint=error.hint) from None
    part = ""
    if end + 1 < len(words) and words[end].text == "." and words[end + 1].kind == "name":
        part = words[end + 1].text
        end += 2
    if part not in (kind.fields or ("",)):
        allowed = f"one of {written}.{f', {written}.'.join(kind.fields)}" if kind.fields else f"{written}, which is one number"
        raise WrongExpression(f"expected {allowed}, found {written}{'.' * bool(part)}{part}", name.at)
    rule.definitions[written] = definition
    return rule.uses.setdefault(Use(written, part), f"i{len(rule.uses)}_"), end


def _written(token: Token, *, as_doubles: bool) -> str:
    return f"{token.text}.0" if as_doubles and token.kind == "integer" and token.text.isdigit() else token.text


def _finite(tokens: Sequence[Token]) -> list[Token]:
    """The same words with what is computed guarded."""
    before: dict[int, Token] = {}
    after: dict[int, Token] = {}
    for start, end in _computed(tokens):
        before[start] = Token("sign", _FINITE[0], tokens[start].at)
        after[end - 1] = Token("sign", _FINITE[1], tokens[end - 1].at)
    return [word for at, token in enumerate(tokens) for word in (before.get(at), token, after.get(at)) if word is not None]


def _computed(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Where arithmetic, or a function that may give what is no number, begins and ends: as much of it as binds together."""
    open_at: list[tuple[int, bool]] = []
    start, works = 0, False
    for at, token in enumerate((*tokens, Token("sign", ",", 0))):
        is_opening, is_closing = token.text in _CLOSING, token.text in _CLOSING.values()
        if is_closing or (token.text in _BOUNDS and token.kind in ("sign", "name")):
            if works and at > start:
                yield start, at
            start, works = (open_at.pop() if open_at else (at + 1, False)) if is_closing else (at + 1, False)
        elif is_opening:
            open_at.append((start, works))
            start, works = at + 1, False
        elif token.kind == "space" and at == start:
            start += 1
        elif token.kind == "sign" and token.text in "+-*/%":
            works = works or at > start
        elif token.text in ("math", "double") and token.kind == "name":
            works = True


def _guarded(tokens: Sequence[Token]) -> list[Token]:
    """The same words with what numbers are divided by guarded."""
    made: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        made.append(token)
        at += 1
        if token.text != "/" or token.kind != "sign":
            continue
        end = _operand_end(tokens, at)
        if at == end or (end == at + 1 and tokens[at].kind in ("integer", "double")):
            continue  # of a number it is known before the rule runs whether it is 0
        made.append(Token("sign", _GUARD[0], tokens[at].at))
        made += _guarded(tokens[at:end])
        made.append(Token("sign", _GUARD[1], tokens[at].at))
        at = end
    return made


def _operand_end(tokens: Sequence[Token], at: int) -> int:
    """Where the operand that begins at a word ends: signs, a word or brackets, and what is selected, called or indexed of it."""
    while at < len(tokens) and tokens[at].text in ("-", "!"):
        at += 1
    if at == len(tokens) or (tokens[at].kind == "sign" and tokens[at].text not in _CLOSING):
        return at
    at = _past(tokens, at)
    while at < len(tokens) and tokens[at].text in (".", "(", "["):
        at = _past(tokens, at + 1 if tokens[at].text == "." and at + 1 < len(tokens) else at)
    return at


def _past(tokens: Sequence[Token], at: int) -> int:
    """The place after a word, or after the bracket that closes the one here."""
    if tokens[at].kind != "sign" or tokens[at].text not in _CLOSING:
        return at + 1
    depth = 0
    while at < len(tokens):
        if tokens[at].kind == "sign":
            depth += (tokens[at].text in _CLOSING) - (tokens[at].text in _CLOSING.values())
        at += 1
        if not depth:
            break
    return at
