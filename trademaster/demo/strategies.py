"""The demo's traders: three accounts, each with a simple strategy, that turn closed bars into order commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from schemas.control import Account
from schemas.market import Bar
from schemas.orders import OrderCommand, Side

CENT = Decimal("0.01")
NONE = Decimal(0)

ACCOUNTS = tuple(Account(name, cash=Decimal(1_000_000)) for name in ("TREND", "MAKER", "BREAKOUT"))


class Strategy(Protocol):
    """Decides at each bar, from the bars before it and what it holds."""

    account: str

    def on_bar(self, bar: Bar, holding: Decimal, bar_id: str) -> Iterator[OrderCommand]:
        """Commands; ``bar_id`` makes order ids that a repeat makes again."""


@dataclass(slots=True)
class Trend:
    """Long above the mean of the last closes, short below it, by market orders."""

    account: str = "TREND"
    size: Decimal = Decimal(100)
    closes: dict[str, deque[float]] = field(default_factory=dict)

    def on_bar(self, bar: Bar, holding: Decimal, bar_id: str) -> Iterator[OrderCommand]:
        closes = self.closes.setdefault(bar.symbol, deque(maxlen=5))
        closes.append(bar.close)
        if len(closes) == closes.maxlen:
            wanted = self.size if bar.close > sum(closes) / len(closes) else -self.size
            if wanted != holding:
                side: Side = "buy" if wanted > holding else "sell"
                yield order(self.account, bar, f"{bar_id}-t", side, abs(wanted - holding), order_type="market", time_in_force="ioc")


@dataclass(slots=True)
class Maker:
    """Bids below the close and asks above it, anew at each bar, within an inventory."""

    account: str = "MAKER"
    size: Decimal = Decimal(50)
    inventory: Decimal = Decimal(200)
    half_spread: Decimal = Decimal("0.0004")

    def on_bar(self, bar: Bar, holding: Decimal, bar_id: str) -> Iterator[OrderCommand]:
        close = Decimal(repr(bar.close))
        yield OrderCommand("cancel_all", self.account, idempotency_key=f"{self.account}-{bar_id}-c", symbol=bar.symbol)
        if holding < self.inventory:
            yield order(self.account, bar, f"{bar_id}-b", "buy", self.size, price=cents(close * (1 - self.half_spread)))
        if holding > -self.inventory:
            yield order(self.account, bar, f"{bar_id}-a", "sell", self.size, price=cents(close * (1 + self.half_spread)))


@dataclass(slots=True)
class Breakout:
    """A stop order at the highest high of the last bars, replaced as that moves; out by a market order when held for long enough."""

    account: str = "BREAKOUT"
    size: Decimal = Decimal(40)
    bars_held: int = 5
    highs: dict[str, deque[float]] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    working: dict[str, str] = field(default_factory=dict)

    def on_bar(self, bar: Bar, holding: Decimal, bar_id: str) -> Iterator[OrderCommand]:
        highs = self.highs.setdefault(bar.symbol, deque(maxlen=10))
        highs.append(bar.high)
        if holding > 0:
            self.working.pop(bar.symbol, None)
            self.held[bar.symbol] = self.held.get(bar.symbol, 0) + 1
            if self.held[bar.symbol] == self.bars_held:
                yield order(self.account, bar, f"{bar_id}-x", "sell", holding, order_type="market", time_in_force="ioc")
            return
        self.held[bar.symbol] = 0
        stop = cents(Decimal(repr(max(highs)))) + CENT
        if bar.symbol in self.working:
            order_id = self.working[bar.symbol]
            yield OrderCommand("replace", self.account, order_id, f"{order_id}-{bar_id}-r", stop_price=stop)
        elif len(highs) == highs.maxlen:
            command = order(self.account, bar, f"{bar_id}-s", "buy", self.size, order_type="stop", stop_price=stop, time_in_force="gtc")
            self.working[bar.symbol] = str(command.order_id)
            yield command


def order(account: str, bar: Bar, name: str, side: Side, quantity: Decimal, **more: Any) -> OrderCommand:
    """A command to place an order, named by account, symbol and bar."""
    order_id = f"{account}-{bar.symbol}-{name}"
    known = {"order_id": order_id, "idempotency_key": order_id, "symbol": bar.symbol, "strategy": account.lower(), "user": "demo"}
    return OrderCommand("place", account, side=side, quantity=quantity, **{"order_type": "limit", "time_in_force": "day", **known, **more})


def cents(price: Decimal) -> Decimal:
    """To the nearest cent, the tick size of the demo's symbols."""
    return price.quantize(CENT)


class Desk:
    """All strategies, and what each account holds."""

    def __init__(self) -> None:
        self._strategies: tuple[Strategy, ...] = (Trend(), Maker(), Breakout())
        self._holdings: dict[tuple[str, str], Decimal] = {}

    def holds(self, account: str, symbol: str, quantity: Decimal) -> None:
        """A position has changed."""
        self._holdings[account, symbol] = quantity

    def on_bar(self, bar: Bar, bar_id: str) -> Iterator[OrderCommand]:
        """What all of them command at a bar's close."""
        held: Mapping[tuple[str, str], Decimal] = self._holdings
        for strategy in self._strategies:
            yield from strategy.on_bar(bar, held.get((strategy.account, bar.symbol), NONE), bar_id)
