"""30 indicators of 1,000 symbols, a bar a second each, in real time: what share of a core.

::

    market.ticks ──► market ──► market.bars ──► signals ──► market.indicators        (pipe, one process)

What the program takes to start, and to warm up for 5 seconds of the market, is measured apart and left out.
"""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from math import isclose

from benchmarks.answers import WrongAnswer
from benchmarks.options import Options
from benchmarks.rows import Row
from trademaster.duration_settings import Duration
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import MarketSettings, Settings
from trademaster.signals_settings import SignalsSettings

SYMBOLS = 1_000
WARM_UP = 5
INDICATORS = (
    "sma(20)", "sma(50)", "sma(200)", "ema(12)", "ema(26)", "wma(20)", "dema(20)", "tema(20)", "hma(16)", "rsi(14)",
    "macd(12,26,9)", "bb(20,2)", "atr(14)", "adx(14)", "stoch(14,3,3)", "cci(20)", "willr(14)", "roc(10)", "obv", "vwap",
    "donchian(20)", "keltner(20,2,10)", "mfi(14)", "aroon(25)", "psar(0.02,0.2)", "supertrend(10,3)", "stdev(20)", "zscore(20)",
    "slope(14)", "er(10)",
)  # fmt: skip


def run(options: Options) -> Iterator[Row]:
    """One row; its budget is 10% of a core."""
    seconds = max(options.count(60_000) // SYMBOLS, 21)
    before, whole = (_measured(count) for count in (WARM_UP, WARM_UP + seconds))
    used = (whole - before) / seconds
    updates = SYMBOLS * len(INDICATORS)
    budget = {} if options.quick else {"core_percent": 10.0}
    yield Row("30 indicators, 1,000 symbols, 1 s", {"core_percent": used * 100, "update_us": used / updates * 1e6}, at_most=budget)


def _measured(seconds: int) -> float:
    """CPU seconds of a process of its own."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.indicators", str(seconds)], check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


def _prices(seconds: int) -> list[list[float]]:
    """By second and symbol: random walks in cents."""
    rng = random.Random(7)
    now, found = [10_000] * SYMBOLS, []
    for _ in range(seconds):
        now = [max(100, price + rng.randrange(-9, 10)) for price in now]
        found.append([price / 100 for price in now])
    return found


def _lines(prices: list[list[float]]) -> bytes:
    start = 1_700_000_000_000_000_000
    ticks = (
        {"type": "trade", "symbol": f"S{at}", "timestamp": start + second * 10**9 + at * 10**5, "price": price, "size": 1 + at % 9}
        for second, row in enumerate(prices)
        for at, price in enumerate(row)
    )
    return b"".join(json.dumps({"topic": "market.ticks", "value": tick}).encode() + b"\n" for tick in ticks)


class _Updates(io.BytesIO):
    """Keeps what is said of the last second."""

    def writelines(self, lines: object) -> None:
        for line in lines:  # type: ignore[attr-defined]
            if b'"indicator|S7|' in line:
                self.seek(0)
                self.truncate()
                self.write(line)


def _one(seconds: int) -> float:
    prices = _prices(seconds)
    lines, out = io.BytesIO(_lines(prices)), _Updates()
    signals = SignalsSettings(indicators=INDICATORS)
    started = time.process_time()
    written = run_pipe_over(
        Settings(signals=signals, market=MarketSettings(intervals=(Duration.of("1s"),))), ["market", "signals"], lines, out
    )
    used = time.process_time() - started
    if written.get("market.indicators", 0) < SYMBOLS * seconds:
        raise WrongAnswer(f"expected {SYMBOLS * seconds} updates, found {written}")
    values = json.loads(out.getvalue())["value"]["payload"]["values"]
    expected = sum(row[7] for row in prices[-20:]) / 20
    if seconds >= 20 and not isclose(values["sma(20)"] or 0.0, expected):
        raise WrongAnswer(f"expected the last mean of S7 to be {expected}, found {values['sma(20)']}")
    return used


if __name__ == "__main__":
    print(_one(int(sys.argv[1])))
