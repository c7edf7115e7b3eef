"""Stops in plain words: exact decimals, every position and limit looked at after every event. Nothing here is shared with the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass
class Trail:
    """A position of the model; ``prices`` are those since it was opened, the opening one first."""

    quantity: Decimal
    opened: int
    prices: list[Decimal]


@dataclass
class Rule:
    """A stop of the model; None: any account, any symbol."""

    name: str
    kind: str
    account: str | None
    symbol: str | None
    threshold: Decimal


class Reference:
    """What a shard should say: (limit, account, symbol, episode, price that fired)."""

    def __init__(self) -> None:
        self.trades: dict[str, Decimal] = {}
        self.bids: dict[str, Decimal] = {}
        self.asks: dict[str, Decimal] = {}
        self.positions: dict[tuple[str, str], Trail] = {}
        self.rules: dict[str, Rule] = {}
        self.openings: dict[tuple[str, str], int] = {}
        self.fired: dict[tuple[str, str, str], list[int]] = {}
        self.said: list[tuple[str, str, str, int, Decimal]] = []

    def trade(self, symbol: str, price: Decimal) -> None:
        """A trade."""
        self.trades[symbol] = price
        self._follow(symbol)

    def quote(self, symbol: str, bid: Decimal | None, ask: Decimal | None) -> None:
        """A quote; a side that is not named keeps its value."""
        self.bids |= {symbol: bid} if bid is not None else {}
        self.asks |= {symbol: ask} if ask is not None else {}
        self._follow(symbol)

    def hold(self, account: str, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """A position is now so large, at that average price."""
        key = account, symbol
        standing = self.positions.get(key)
        if standing is not None and (standing.quantity > 0) == (quantity > 0) and quantity != 0:
            standing.quantity = quantity
            return
        self.positions.pop(key, None)
        if quantity:
            self.openings[key] = self.openings.get(key, 0) + 1
            self.positions[key] = Trail(quantity, self.openings[key], [price])
        self._judge(symbol)

    def limit(self, name: str, rule: Rule | None) -> None:
        """A limit is set, or (None) is no more."""
        self.rules.pop(name, None)
        if rule is not None:
            self.rules[name] = rule
        for symbol in {symbol for _, symbol in self.positions}:
            self._judge(symbol)

    def price(self, symbol: str, is_long: bool) -> Decimal | None:
        """The last trade, else the mark of the side."""
        return self.trades.get(symbol, (self.bids if is_long else self.asks).get(symbol))

    def _follow(self, symbol: str) -> None:
        for (_, name), trail in self.positions.items():
            price = self.price(name, trail.quantity > 0)
            if name == symbol and price is not None:
                trail.prices.append(price)
        self._judge(symbol)

    def _judge(self, symbol: str) -> None:
        for rule in self.rules.values():
            for (account, name), trail in self.positions.items():
                price = self.price(name, trail.quantity > 0)
                if name != symbol or price is None or rule.account not in (None, account) or rule.symbol not in (None, name):
                    continue
                fired = self.fired.setdefault((rule.name, account, name), [])
                if trail.opened not in fired and fires(rule, trail, price):
                    fired.append(trail.opened)
                    self.said.append((rule.name, account, name, len(fired), price))


def fires(rule: Rule, trail: Trail, price: Decimal) -> bool:
    """The rule itself."""
    is_long = trail.quantity > 0
    if rule.kind == "stop_loss":
        return price < rule.threshold if is_long else price > rule.threshold
    if rule.kind == "take_profit":
        return price > rule.threshold if is_long else price < rule.threshold
    if is_long:
        return price < max(trail.prices) * (1 - rule.threshold)
    return price > min(trail.prices) * (1 + rule.threshold)
