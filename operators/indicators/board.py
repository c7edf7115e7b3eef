"""The configured indicators of every symbol and interval of a shard."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import msgspec

from operators.indicators.flow_windows import FlowWindow, FlowWindows
from operators.indicators.indicator import PriceBar, Value
from operators.indicators.measured import Measured
from operators.indicators.names import parse_indicators
from operators.indicators.others import Closes
from operators.indicators.series import Series
from operators.indicators.settings import IndicatorSettings
from schemas.dead_letters import Reason, Reject
from schemas.intervals import interval_text
from schemas.market_frames import Bars
from schemas.symbols import SYMBOLS
from schemas.times import END_OF_TIME_NS

BARS = "market.bars"

VERSION = 1

MAX_SERIES = 1 << 17
"""Symbols and intervals of a shard; the bars of one more become dead letters."""

MAX_NUMBER = 1e75
"""Prices and volumes: products of four of them are still floats."""

MAX_WAITING_FOR_TICKS = 100_000
"""The same where order flow is configured: ticks are many more than bars, and are read more slowly by who catches up."""

MAX_WAITING = 1_000
"""Bars of a series that wait for another symbol's; when one more comes, the oldest goes out with None for its pairs."""


class Indicators:
    """One shard of symbols: bars in, each measured out.

    A bar that is not newer than the last of its symbol and interval is taken as a repeat and changes nothing. Where pairs are configured
    (``correlation(20,SPY)``), a bar waits until the other symbol's bar of the same end has come, or a later one, so that it is
    measured once and whole; where the other has no bar of that end, the pair is None and its window stays as it was. Where order flow is
    configured a bar waits in the same way until its window of ticks is over, or a later one.
    """

    def __init__(self, settings: IndicatorSettings) -> None:
        definitions = parse_indicators(settings.indicators)
        self._single = tuple(definition for definition in definitions if definition.other is None and not definition.kind.is_flow)
        self._flows = tuple(definition.text for definition in definitions if definition.kind.is_flow)
        self._pairs = tuple(definition for definition in definitions if definition.other is not None)
        self._texts = tuple(definition.text for definition in definitions)
        self._waits = bool(self._pairs or self._flows)
        self._most_waiting = MAX_WAITING_FOR_TICKS if self._flows else MAX_WAITING
        self._intervals = settings.intervals
        self._series: dict[tuple[str, str | None], Series] = {}
        self._others: dict[tuple[str, str | None], Closes] = {}
        self._windows: dict[tuple[str, str | None], FlowWindows] = {}

    def on_bars(self, bars: Bars) -> tuple[list[Measured], list[Reject]]:
        """Take bars of this shard's symbols in their order."""
        made: list[Measured] = []
        rejects: list[Reject] = []
        names = SYMBOLS.names
        for start, end, first, high, low, close, volume, _, _, offset, symbol, interval in bars.tolist():
            key = (names[symbol], interval_text(interval, self._intervals))
            series = self._series.get(key)
            if series is not None and end <= series.last_end:
                continue
            if not (abs(first) + abs(high) + abs(low) + abs(close) + abs(volume) < MAX_NUMBER):
                rejects.append(_reject(key, (start, end, first, high, low, close, volume), offset, Reason.NUMBER))
                continue
            if series is None:
                if len(self._series) >= MAX_SERIES:
                    rejects.append(_reject(key, (start, end, first, high, low, close, volume), offset, Reason.TOO_LARGE))
                    continue
                series = self._series[key] = Series(self._single, self._pairs, waits=self._waits)
            elif series.waiting and not self._waits:
                made += self._told(key, series)  # what they waited for is no longer configured
            waiting = series.add(PriceBar(first, high, low, close, volume, start, end), offset)
            if self._waits:
                made += self._told(key, series)
            else:
                made.append(Measured(*key, waiting.bar, waiting.offset, waiting.values))
        return made, rejects

    def on_others(self, bars: Bars) -> list[Measured]:
        """Take bars of symbols that pairs name, whatever their shard."""
        made: list[Measured] = []
        names = SYMBOLS.names
        for _, end, _, _, _, close, _, _, _, _, symbol, interval in bars.tolist():
            text = interval_text(interval, self._intervals)
            if isfinite(close) and abs(close) < MAX_NUMBER:
                self._closes(names[symbol], text).add(end, close)
        for key in [key for key, series in self._series.items() if series.waiting]:
            made += self._told(key, self._series[key])
        return made

    def on_flow(self, windows: Iterable[FlowWindow]) -> list[Measured]:
        """Take windows of ticks that are over, in their order."""
        made: list[Measured] = []
        for symbol, interval, end, values in windows:
            key = (symbol, interval)
            self._flow_windows(key).add(end, values)
            series = self._series.get(key)
            if series is not None and series.waiting:
                made += self._told(key, series)
        return made

    def on_end(self) -> list[Measured]:
        """No bar will come any more: say what waits."""
        made: list[Measured] = []
        for key, series in self._series.items():
            made += self._told(key, series, END_OF_TIME_NS)
        return made

    def _closes(self, symbol: str, interval: str | None) -> Closes:
        return self._others.setdefault((symbol, interval), Closes())

    def _flow_windows(self, key: tuple[str, str | None]) -> FlowWindows:
        return self._windows.setdefault(key, FlowWindows())

    def _told(self, key: tuple[str, str | None], series: Series, known_to: int | None = None) -> list[Measured]:
        """The updates of a series that need wait no longer."""
        others = [self._closes(str(definition.other), key[1]) for definition in self._pairs]
        ends = [other.last_end for other in others]
        flow = self._flow_windows(key) if self._flows and key[1] in self._intervals else None
        if flow is not None:
            ends.append(flow.last_end)
        known = min(ends, default=END_OF_TIME_NS) if known_to is None else known_to
        made = []
        while series.waiting and (series.waiting[0].bar.end <= known or len(series.waiting) > self._most_waiting):
            waiting = series.waiting.popleft()
            values: dict[str, Value] = {**waiting.values, **series.pair(waiting.bar, others)}
            if self._flows:
                found = flow.take(waiting.bar.end) if flow is not None else None
                values |= dict(zip(self._flows, found or (None,) * len(self._flows), strict=True))
            made.append(Measured(*key, waiting.bar, waiting.offset, {text: values[text] for text in self._texts}))
        return made

    def snapshot(self) -> dict[str, Any]:
        """All series, each with the states of its indicators in the order of ``indicators``."""
        return {
            "version": VERSION,
            "indicators": [definition.text for definition in (*self._single, *self._pairs)],
            "series": [[symbol, interval, series.save()] for (symbol, interval), series in self._series.items()],
            "others": [[symbol, interval, closes.save()] for (symbol, interval), closes in self._others.items()],
            "flows": [list(self._flows), [[*key, windows.save()] for key, windows in self._windows.items()]],
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot. Indicators that were configured since begin afresh, those that are gone are forgotten."""
        if stored["version"] != VERSION:
            raise ValueError(f"expected the state of indicators in version {VERSION}, found {stored['version']}")
        for symbol, interval, saved in stored["series"]:
            series = self._series[symbol, interval] = Series(self._single, self._pairs, waits=self._waits)
            series.load(saved, stored["indicators"])
        for symbol, interval, saved in stored["others"]:
            self._closes(symbol, interval).load(saved)
        flows, windows = stored.get("flows", ([], []))
        if flows == list(self._flows):
            for symbol, interval, saved in windows:
                self._flow_windows((symbol, interval)).load(saved)


def others_of(indicators: tuple[str, ...]) -> frozenset[str]:
    """The symbols that pairs name: their bars go to every shard."""
    return frozenset(definition.other for definition in parse_indicators(indicators) if definition.other is not None)


def _reject(key: tuple[str, str | None], bar: tuple[float, ...], offset: int, reason: Reason) -> Reject:
    expected = f"numbers below {MAX_NUMBER:g}" if reason is Reason.NUMBER else f"at most {MAX_SERIES} symbols and intervals in a shard"
    names = ("start", "end", "open", "high", "low", "close", "volume")
    payload = msgspec.json.encode({"symbol": key[0], "interval": key[1], **dict(zip(names, bar, strict=True))})
    return Reject(BARS, 0, offset, -1, reason, f"expected {expected}, found a bar beyond that", payload, int(bar[1]))
