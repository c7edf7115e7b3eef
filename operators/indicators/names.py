"""Names of indicators, such as ``macd(12,26,9)``, become definitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from operators.indicators.kinds import KINDS, Kind
from schemas.errors import UsageError

_NAME = re.compile(r"\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Definition:
    """An indicator as it was configured."""

    text: str
    """As it was written: the key of its values."""
    kind: Kind
    arguments: tuple[int | float, ...]
    other: str | None = None
    """The second symbol of a pair."""

    def make(self) -> Any:
        """An Indicator, a PairIndicator where there is another symbol, or the definition of what is made of ticks."""
        return self.kind.make(*self.arguments)


@cache
def parse_indicator(text: str) -> Definition:
    """The indicator of a name such as ``sma(20)``, ``macd(12,26,9)`` or ``obv``.

    Raises:
        UsageError: there is none of that name, or its parameters are wrong.
    """
    match = _NAME.fullmatch(text)
    name = match.group(1) if match else ""
    kind = KINDS.get(name)
    if match is None or kind is None:
        raise UsageError(f"expected an indicator, found {text[:100]!r}", hint="the indicators are: " + ", ".join(map(signature, KINDS)))
    given = match.group(2)
    parts = [part.strip() for part in given.split(",")] if given and given.strip() else []
    if len(parts) != len(kind.parameters):
        raise UsageError(f"expected {signature(name)}, found {text[:100]!r}", hint=_ranges(kind))
    try:
        values = [parameter.read(part) for parameter, part in zip(kind.parameters, parts, strict=True)]
    except ValueError as error:
        raise UsageError(f"{text[:100]!r}: {error}", hint=_ranges(kind)) from None
    numbers = tuple(value for value in values if not isinstance(value, str))
    if any(one > two or (one == two and not kind.is_level) for one, two in pairwise(numbers[: kind.rising])):
        names = (" <= " if kind.is_level else " < ").join(parameter.name for parameter in kind.parameters[: kind.rising])
        raise UsageError(f"{text[:100]!r}: expected {names}", hint=_ranges(kind))
    return Definition(text, kind, numbers, next((value for value in values if isinstance(value, str)), None))


def parse_indicators(texts: tuple[str, ...]) -> tuple[Definition, ...]:
    """Several of them.

    Raises:
        UsageError: one is wrong, or stands twice.
    """
    twice = sorted({text for text in texts if texts.count(text) > 1})
    if twice:
        raise UsageError(f"expected each indicator once, found {', '.join(twice)} more often")
    return tuple(parse_indicator(text) for text in texts)


def signature(name: str) -> str:
    """``macd(fast,slow,signal)``."""
    parameters = KINDS[name].parameters
    return f"{name}({','.join(parameter.name for parameter in parameters)})" if parameters else name


def _ranges(kind: Kind) -> str:
    return ", ".join(map(str, kind.parameters))
