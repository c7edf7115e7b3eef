"""The market operator once more, as plainly as it can be said: dicts, lists and fractions, one row at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from schemas.times import END_OF_TIME_NS

SECOND = 1_000_000_000


@dataclass
class Row:
    kind: str
    partition: int
    time: int
    symbol: str = ""
    price: Fraction | None = None
    size: int = 0
    bid: Fraction | None = None
    ask: Fraction | None = None


@dataclass
class Symbol:
    partition: int
    times: list[int] = field(default_factory=list)
    trades: list[tuple[int, Fraction, int]] = field(default_factory=list)
    quotes: list[tuple[int, Fraction | None, Fraction | None]] = field(default_factory=list)
    windows: dict[tuple[int, int], list[tuple[int, Fraction, int | None]]] = field(default_factory=dict)  # (interval, start): ticks
    tape: list[tuple[int, Fraction]] = field(default_factory=list)  # (second, price)
    newest: int = -1
    breached: dict[str, bool] = field(default_factory=dict)
    episodes: dict[str, int] = field(default_factory=dict)


class Reference:
    def __init__(self, lengths: list[int], lateness: int, quiet: int, bands: dict[str, tuple[str | None, Fraction, Fraction]]) -> None:
        self.lengths, self.lateness, self.quiet, self.bands = lengths, lateness, quiet, bands
        self.symbols: dict[str, Symbol] = {}
        self.watermarks: dict[int, int] = {}
        self.bars: dict[tuple[str, int, int], tuple[Any, ...]] = {}
        self.alerts: list[tuple[str, str, Fraction]] = []
        self.late = self.dead = self.out = 0

    def take(self, row: Row) -> None:
        watermark = max(self.watermarks.get(row.partition, -1), row.time)
        self.watermarks[row.partition] = watermark
        if row.kind != "heartbeat":
            self.tick(row, watermark)
        for name, symbol in self.symbols.items():
            if symbol.partition == row.partition:
                self.close(name, symbol, watermark if watermark == END_OF_TIME_NS else watermark - self.quiet)

    def tick(self, row: Row, watermark: int) -> None:
        prices = [row.price] if row.kind == "trade" else [row.bid, row.ask]
        if any(price is not None and price < 0 for price in prices):
            self.dead += 1
            return
        symbol = self.symbols.get(row.symbol) or Symbol(row.partition)
        horizon = max([*symbol.times, row.time]) - self.lateness
        horizon = max(horizon, watermark - self.quiet)
        if any(row.time // length * length + length <= horizon for length in self.lengths):
            self.late += 1
            return
        self.symbols[row.symbol] = symbol
        self.out += 1
        self.close(row.symbol, symbol, horizon)
        symbol.times.append(row.time)
        price = self.price_of(symbol, row)
        if price is None:
            return
        size = row.size if row.kind == "trade" else None
        for length in self.lengths:
            symbol.windows.setdefault((length, row.time // length * length), []).append((row.time, price, size))
        self.follow(row.symbol, symbol, row, price)

    def price_of(self, symbol: Symbol, row: Row) -> Fraction | None:
        if row.kind == "trade":
            assert row.price is not None
            if not symbol.trades:
                symbol.tape, symbol.newest = [], -1
            symbol.trades.append((row.time, row.price, row.size))
            return row.price
        bid, ask = self.quote(symbol)
        bid, ask = (row.bid if row.bid is not None else bid), (row.ask if row.ask is not None else ask)
        symbol.quotes.append((row.time, bid, ask))
        return (bid + ask) / 2 if bid is not None and ask is not None and not symbol.trades else None

    @staticmethod
    def quote(symbol: Symbol) -> tuple[Fraction | None, Fraction | None]:
        latest = max(enumerate(symbol.quotes), key=lambda quote: (quote[1][0], quote[0]), default=(0, (0, None, None)))
        return latest[1][1], latest[1][2]

    def close(self, name: str, symbol: Symbol, horizon: int) -> None:
        for (length, start), ticks in list(symbol.windows.items()):
            if start + length <= horizon:
                del symbol.windows[length, start]
                assert (name, length, start) not in self.bars, "a window closes once"
                self.bars[name, length, start] = bar_of(ticks)

    def follow(self, name: str, symbol: Symbol, row: Row, price: Fraction) -> None:
        second = row.time // SECOND
        kind = symbol.trades if row.kind == "trade" else symbol.quotes
        if row.time < max(entry[0] for entry in kind):
            if second > symbol.newest - 300:
                symbol.tape.append((second, price))
            return
        before = [p for s, p in symbol.tape if second - 300 < s <= second] or [p for s, p in symbol.tape if s > symbol.newest - 300]
        symbol.tape.append((second, price))
        symbol.newest = max(symbol.newest, second)
        if before and sum(before) != 0:
            self.judge(name, symbol, abs(price / (sum(before, Fraction(0)) / len(before)) - 1))

    def judge(self, name: str, symbol: Symbol, value: Fraction) -> None:
        for limit, (only, threshold, clear) in self.bands.items():
            if only not in (None, name):
                continue
            breached = symbol.breached.get(limit, False)
            now = value >= clear if breached else value > threshold
            if now != breached:
                symbol.breached[limit] = now
                symbol.episodes[limit] = symbol.episodes.get(limit, 0) + now
                self.alerts.append((f"{limit}|symbol:{name}|{symbol.episodes[limit]}", "breach" if now else "clear", value))


def bar_of(ticks: list[tuple[int, Fraction, int | None]]) -> tuple[Any, ...]:
    """Open, high, low, close, volume, notional, trades."""
    ticks = [tick for tick in ticks if tick[2] is not None] or ticks
    prices = [price for _, price, _ in ticks]
    first = min(enumerate(ticks), key=lambda tick: (tick[1][0], tick[0]))[1]
    last = max(enumerate(ticks), key=lambda tick: (tick[1][0], tick[0]))[1]
    trades = [(price, size) for _, price, size in ticks if size is not None]
    return (
        first[1], max(prices), min(prices), last[1],
        sum(size for _, size in trades), sum(price * size for price, size in trades), len(trades),
    )  # fmt: skip
