"""The indicators there are: their names, what their parameters may be, and the numbers that each gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

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
from operators.indicators.orderflow import FlowIndicator, Microprice, Ofi, Vpin
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
from schemas.symbols import MAX_SYMBOL_BYTES

MAX_PERIODS = 10_000
"""Longest window: an indicator remembers at most a few numbers for each bar of it."""

MAX_MULTIPLIER = 1_000.0

MAX_BUCKETS = 1_000
"""A VPIN remembers a number for each, of every symbol."""

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

    make: Callable[..., Indicator | PairIndicator | FlowIndicator]
    parameters: tuple[Parameter, ...] = ()
    rising: int = 0
    """So many of the first parameters must rise."""
    is_level: bool = False
    """They may also be equal."""
    fields: tuple[str, ...] = ()
    """Names of the numbers that it gives; none: it is one number."""
    is_flow: bool = False
    """It is made of ticks."""


def _n(name: str = "n", least: int = 1) -> Parameter:
    return Parameter(name, least)


_OTHER = Parameter("OTHER", kind=str)
_MULTIPLIER = Parameter("multiplier", 0, MAX_MULTIPLIER, float)
_BANDS = ("upper", "middle", "lower")

KINDS: dict[str, Kind] = {
    "sma": Kind(Sma, (_n(),)),
    "ema": Kind(Ema, (_n(),)),
    "wma": Kind(Wma, (_n(),)),
    "dema": Kind(Dema, (_n(),)),
    "tema": Kind(Tema, (_n(),)),
    "hma": Kind(Hma, (_n(least=2),)),
    "rsi": Kind(Rsi, (_n(),)),
    "macd": Kind(Macd, (_n("fast"), _n("slow"), _n("signal")), rising=2, fields=("macd", "signal", "histogram")),
    "bb": Kind(Bb, (_n(), Parameter("k", 0, MAX_MULTIPLIER, float)), fields=_BANDS),
    "atr": Kind(Atr, (_n(),)),
    "adx": Kind(Adx, (_n(),), fields=("pdi", "mdi", "adx")),
    "stoch": Kind(Stoch, (_n("k"), _n("d"), _n("smooth")), fields=("k", "d")),
    "cci": Kind(Cci, (_n(),)),
    "willr": Kind(Willr, (_n(),)),
    "roc": Kind(Roc, (_n(),)),
    "obv": Kind(Obv),
    "vwap": Kind(Vwap),
    "donchian": Kind(Donchian, (_n(),), fields=_BANDS),
    "keltner": Kind(Keltner, (_n("ema"), _MULTIPLIER, _n("atr")), fields=_BANDS),
    "mfi": Kind(Mfi, (_n(),)),
    "aroon": Kind(Aroon, (_n(),), fields=("up", "down", "oscillator")),
    "psar": Kind(Psar, (Parameter("step", 0, 1, float), Parameter("max", 0, 1, float)), rising=2, is_level=True),
    "supertrend": Kind(Supertrend, (_n("atr"), _MULTIPLIER)),
    "stdev": Kind(Stdev, (_n(),)),
    "zscore": Kind(Zscore, (_n(),)),
    "correlation": Kind(Correlation, (_n(least=2), _OTHER)),
    "beta": Kind(Beta, (_n(least=2), _OTHER)),
    "slope": Kind(Slope, (_n(least=2),)),
    "ichimoku": Kind(Ichimoku, (_n("tenkan"), _n("kijun"), _n("senkou")), fields=("tenkan", "kijun", "senkouA", "senkouB", "chikou")),
    "er": Kind(Er, (_n(),)),
    "ofi": Kind(Ofi, is_flow=True),
    "microprice": Kind(Microprice, is_flow=True),
    "vpin": Kind(Vpin, (Parameter("volume", 1e-9, 999_999_999, float), Parameter("buckets", 1, MAX_BUCKETS)), is_flow=True),
}
"""Every indicator by its name."""
