"""Every indicator against TA-Lib, or against talipp where TA-Lib has none.

Some start otherwise: then from the bar on by which nothing is left of the start, within what is left. Where the other program has only
parts of an indicator, the formula is put together here from these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import talib
from talipp import indicators as talipp
from talipp.ohlcv import OHLCV

from operators.indicators.kinds import KINDS
from tests.references.indicators.quotes import COMPARE, DEFAULT, Floats, ours

HIGH, LOW, CLOSE, VOLUME = (np.array([getattr(bar, name) for bar in DEFAULT]) for name in ("high", "low", "close", "volume"))
OTHER = np.array([bar.close for bar in COMPARE])
OHLCVS = [OHLCV(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in DEFAULT]


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns by our field, and the bar from which on they agree."""

    columns: Callable[[], dict[str, Floats]]
    since: int = 0


def one(column: Callable[[], Any]) -> Callable[[], dict[str, Floats]]:
    return lambda: {"value": np.asarray(column(), np.float64)}


def several(columns: Callable[[], Any], *fields: str) -> Callable[[], dict[str, Floats]]:
    return lambda: dict(zip(fields, columns(), strict=True))


def ahead(column: Floats, bars: int) -> Floats:
    return np.concatenate([np.full(bars, np.nan), column[:-bars]])


def middle(bars: int) -> Floats:
    return (talib.MAX(HIGH, bars) + talib.MIN(LOW, bars)) / 2


def listed(values: Any, field: str = "") -> Floats:
    found = [value if value is None or not field else getattr(value, field) for value in values]
    return np.array([np.nan if value is None else value for value in found], np.float64)


def adx() -> tuple[Floats, ...]:
    return talib.PLUS_DI(HIGH, LOW, CLOSE, 14), talib.MINUS_DI(HIGH, LOW, CLOSE, 14), talib.ADX(HIGH, LOW, CLOSE, 14)


def aroon() -> tuple[Floats, ...]:
    """Without the two bars where an extreme was met twice: TA-Lib counts from the last."""
    down, up = talib.AROON(HIGH, LOW, 25)
    up[193], down[232] = np.nan, np.nan
    return up, down, up - down


def hma() -> Floats:
    raw = 2 * talib.WMA(CLOSE, 7) - talib.WMA(CLOSE, 14)
    return np.concatenate([np.full(13, np.nan), talib.WMA(raw[13:], 3)])


def donchian() -> tuple[Floats, ...]:
    return tuple(ahead(column, 1) for column in (talib.MAX(HIGH, 20), middle(20), talib.MIN(LOW, 20)))


def keltner() -> tuple[Floats, ...]:
    mean, width = talib.EMA(CLOSE, 20), 2 * talib.ATR(HIGH, LOW, CLOSE, 10)
    return mean + width, mean, mean - width


def ichimoku() -> tuple[Floats, ...]:
    return middle(9), middle(26), ahead((middle(9) + middle(26)) / 2, 26), ahead(middle(52), 26), CLOSE


def efficiency() -> Floats:
    """TA-Lib's KAMA moves by the squared smoothing constant, of which the efficiency ratio is a part."""
    kama = talib.KAMA(CLOSE, 10)
    moved = np.diff(kama, prepend=np.nan) / (CLOSE - ahead(kama, 1))
    return (np.sqrt(moved) - 2 / 31) / (2 / 3 - 2 / 31)


REFERENCES = {
    "sma(20)": Reference(one(lambda: talib.SMA(CLOSE, 20))),
    "ema(20)": Reference(one(lambda: talib.EMA(CLOSE, 20))),
    "wma(14)": Reference(one(lambda: talib.WMA(CLOSE, 14))),
    "dema(14)": Reference(one(lambda: talib.DEMA(CLOSE, 14)), since=150),  # the second average is seeded with a mean
    "tema(20)": Reference(one(lambda: talib.TEMA(CLOSE, 20)), since=250),  # likewise
    "hma(14)": Reference(one(hma)),
    "rsi(14)": Reference(one(lambda: talib.RSI(CLOSE, 14))),
    "macd(12,26,9)": Reference(several(lambda: talib.MACD(CLOSE, 12, 26, 9), "macd", "signal", "histogram"), since=170),  # later seeds
    "bb(20,2)": Reference(several(lambda: talib.BBANDS(CLOSE, 20, 2, 2), "upper", "middle", "lower")),
    "atr(14)": Reference(one(lambda: talib.ATR(HIGH, LOW, CLOSE, 14))),
    "adx(14)": Reference(several(adx, "pdi", "mdi", "adx"), since=300),  # seeded with 13 bars
    "stoch(14,3,3)": Reference(several(lambda: talib.STOCH(HIGH, LOW, CLOSE, fastk_period=14, slowk_period=3, slowd_period=3), "k", "d")),
    "cci(20)": Reference(one(lambda: talib.CCI(HIGH, LOW, CLOSE, 20))),
    "willr(14)": Reference(one(lambda: talib.WILLR(HIGH, LOW, CLOSE, 14))),
    "roc(14)": Reference(one(lambda: talib.ROC(CLOSE, 14))),
    "obv": Reference(one(lambda: talib.OBV(CLOSE, VOLUME) - VOLUME[0])),  # starts with the first volume
    "vwap": Reference(one(lambda: listed(talipp.VWAP(OHLCVS)))),
    "donchian(20)": Reference(several(donchian, "upper", "middle", "lower")),
    "keltner(20,2,10)": Reference(several(keltner, "upper", "middle", "lower")),
    "mfi(14)": Reference(one(lambda: talib.MFI(HIGH, LOW, CLOSE, VOLUME, 14))),
    "aroon(25)": Reference(several(aroon, "up", "down", "oscillator")),
    "psar(0.02,0.2)": Reference(one(lambda: talib.SAR(HIGH, LOW, 0.02, 0.2)), since=251),  # another first trend
    "supertrend(10,3)": Reference(one(lambda: listed(talipp.SuperTrend(10, 3, OHLCVS), "value")), since=150),  # a range of the first bar
    "stdev(14)": Reference(one(lambda: talib.STDDEV(CLOSE, 14))),
    "zscore(14)": Reference(one(lambda: (CLOSE - talib.SMA(CLOSE, 14)) / talib.STDDEV(CLOSE, 14))),
    "correlation(20,OTHER)": Reference(one(lambda: talib.CORREL(CLOSE, OTHER, 20))),
    "beta(20,OTHER)": Reference(one(lambda: talib.BETA(OTHER, CLOSE, 20))),
    "slope(14)": Reference(one(lambda: talib.LINEARREG_SLOPE(CLOSE, 14))),
    "ichimoku(9,26,52)": Reference(several(ichimoku, "tenkan", "kijun", "senkouA", "senkouB", "chikou")),
    "er(10)": Reference(one(efficiency)),
}


@pytest.mark.parametrize("indicator", REFERENCES)
def test_agrees(indicator: str) -> None:
    reference = REFERENCES[indicator]
    expected = reference.columns()
    found = ours(indicator, list(expected))
    for field, values in expected.items():
        both = np.isfinite(values) & np.isfinite(found[field])
        both[: reference.since] = False
        assert both.sum() > 200, "there is little to compare"
        np.testing.assert_allclose(found[field][both], values[both], rtol=1e-9, atol=1e-9, err_msg=field)


def test_none_is_left_out() -> None:
    assert {indicator.partition("(")[0] for indicator in REFERENCES} == {name for name, kind in KINDS.items() if not kind.is_flow}
