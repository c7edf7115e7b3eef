"""Names of indicators, such as ``macd(12,26,9)``: what there is, and what its parameters may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from operators.indicators.adx import Adx
from operators.indicators.aroon import Aroon
from operators.indicators.atr import Atr
from operators.indicators.bb import Bb
from operators.indicators.beta import Beta
from operators.indicators.cci import Cci
from operators.indicators.correlation import Correlation
from operators.indicators.dema import Dema
from operators.indicators.donchian import Donchian
from operators.indicators.ema import Ema
from operators.indicators.er import Er
from operators.indicators.hma import Hma
from operators.indicators.ichimoku import Ichimoku
from operators.indicators.indicator import Indicator
from operators.indicators.keltner import Keltner
from operators.indicators.macd import Macd
from operators.indicators.mfi import Mfi
from operators.indicators.obv import Obv
from operators.indicators.pair import PairIndicator
from operators.indicators.psar import Psar
from operators.indicators.roc import Roc
from operators.indicators.rsi import Rsi
from operators.indicators.slope import Slope
from operators.indicators.sma import Sma
from operators.indicators.stdev import Stdev
from operators.indicators.stoch import Stoch
from operators.indicators.supertrend import Supertrend
from operators.indicators.tema import Tema
from operators.indicators.vwap import Vwap
from operators.indicators.willr import Willr
from operators.indicators.wma import Wma
from operators.indicators.zscore import Zscore
from schemas.errors import UsageError
from schemas.symbols import MAX_SYMBOL_BYTES

MAX_PERIODS = 10_000
"""Longest window: an indicator remembers at most a few numbers for each bar of it."""

MAX_MULTIPLIER = 1_000.0

_NAME = re.compile(r"\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*", re.ASCII)
_INTEGER = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?|\.\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of an indicator's: its name and what it may be."""

    name: str
    least: float = 1
    most: float = MAX_PERIODS
    kind: type[int | float | str] = int

    def __str__(self) -> str:
        return self.name if self.kind is str else f"{self.name} {self.least:g} to {self.most:g}"

    def read(self, text: str) -> int | float | str:
        """Raises ValueError: the text is no value of it."""
        if self.kind is str:
            if not 0 < len(text.encode("utf-8", "surrogatepass")) <= MAX_SYMBOL_BYTES:
                raise ValueError(f"expected {self.name}, a symbol of 1 to {MAX_SYMBOL_BYTES} bytes, found {text!r}")
            return text
        value: int | float | None = None
        if self.kind is int:
            expected, value = "a whole number", int(text) if _INTEGER.fullmatch(text) else None
        else:
            expected, value = "a number", float(text) if _NUMBER.fullmatch(text) else None
        if value is None or not self.least <= value <= self.most:
            raise ValueError(f"expected {self.name}, {expected} from {self.least:g} to {self.most:g}, found {text[:100]!r}")
        return value


@dataclass(frozen=True, slots=True)
class Kind:
    """An indicator with its parameters still open."""

    make: Callable[..., Indicator | PairIndicator]
    parameters: tuple[Parameter, ...] = ()
    rising: int = 0
    """So many of the first parameters must rise."""
    is_level: bool = False
    """They may also be equal."""


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
        """An Indicator, or a PairIndicator where there is another symbol, that has seen nothing."""
        return self.kind.make(*self.arguments)


def _n(name: str = "n", least: int = 1) -> Parameter:
    return Parameter(name, least)


_OTHER = Parameter("OTHER", kind=str)
_MULTIPLIER = Parameter("multiplier", 0, MAX_MULTIPLIER, float)

KINDS: dict[str, Kind] = {
    "sma": Kind(Sma, (_n(),)),
    "ema": Kind(Ema, (_n(),)),
    "wma": Kind(Wma, (_n(),)),
    "dema": Kind(Dema, (_n(),)),
    "tema": Kind(Tema, (_n(),)),
    "hma": Kind(Hma, (_n(least=2),)),
    "rsi": Kind(Rsi, (_n(),)),
    "macd": Kind(Macd, (_n("fast"), _n("slow"), _n("signal")), rising=2),
    "bb": Kind(Bb, (_n(), Parameter("k", 0, MAX_MULTIPLIER, float))),
    "atr": Kind(Atr, (_n(),)),
    "adx": Kind(Adx, (_n(),)),
    "stoch": Kind(Stoch, (_n("k"), _n("d"), _n("smooth"))),
    "cci": Kind(Cci, (_n(),)),
    "willr": Kind(Willr, (_n(),)),
    "roc": Kind(Roc, (_n(),)),
    "obv": Kind(Obv),
    "vwap": Kind(Vwap),
    "donchian": Kind(Donchian, (_n(),)),
    "keltner": Kind(Keltner, (_n("ema"), _MULTIPLIER, _n("atr"))),
    "mfi": Kind(Mfi, (_n(),)),
    "aroon": Kind(Aroon, (_n(),)),
    "psar": Kind(Psar, (Parameter("step", 0, 1, float), Parameter("max", 0, 1, float)), rising=2, is_level=True),
    "supertrend": Kind(Supertrend, (_n("atr"), _MULTIPLIER)),
    "stdev": Kind(Stdev, (_n(),)),
    "zscore": Kind(Zscore, (_n(),)),
    "correlation": Kind(Correlation, (_n(least=2), _OTHER)),
    "beta": Kind(Beta, (_n(least=2), _OTHER)),
    "slope": Kind(Slope, (_n(least=2),)),
    "ichimoku": Kind(Ichimoku, (_n("tenkan"), _n("kijun"), _n("senkou"))),
    "er": Kind(Er, (_n(),)),
}
"""Every indicator by its name."""


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
