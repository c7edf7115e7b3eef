"""Corporate actions on orders: an open order that was placed before a split goes on in the units after it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from operators.orders.causes import Split
from operators.orders.decimals import EXACT, OUTPUT
from operators.orders.order import Order, Request

SPLITS_KEPT = 100
"""Splits of a symbol that are known again; the oldest is forgotten first."""


_ONE = Decimal(1)


class Splits:
    """The splits that are known, by symbol."""

    def __init__(self, stored: list[bytes] | None = None) -> None:
        self._by_symbol: dict[str, dict[str, Split]] = {}
        for packed in stored or []:
            self.is_new(msgspec.msgpack.decode(packed, type=Split))

    def is_new(self, split: Split) -> bool:
        """Remember a split; False where it was known. One without a time is never known: orders know that they went through it."""
        known = self._by_symbol.setdefault(split.symbol, {})
        if split.identity in known:
            return False
        if split.time_ns:
            known[split.identity] = split
        if len(known) > SPLITS_KEPT:
            del known[next(iter(known))]
        return True

    def of(self, symbol: str | None) -> list[Split]:
        """Those of a symbol, as they came."""
        return list(self._by_symbol.get(symbol or "", {}).values())

    def ratio_since(self, symbol: str, time_ns: int) -> Decimal:
        """Today's units in one unit of that time, as far as splits have a time."""
        ratio, known = _ONE, self._by_symbol.get(symbol)
        for split in known.values() if known else ():
            if time_ns < split.time_ns:
                ratio = EXACT.multiply(ratio, split.ratio)
        return ratio

    def stored(self) -> list[Any]:
        """As plain data."""
        return [msgspec.msgpack.encode(split) for known in self._by_symbol.values() for split in known.values()]


def concerns(order: Order, split: Split) -> bool:
    """Whether an order was placed before a split of its symbol."""
    return order.symbol == split.symbol and (not split.time_ns or order.placed_ns < split.time_ns)


def apply_split(order: Order, split: Split) -> str | None:
    """Adjust an open order, once; what to say of it, None where nothing changed."""
    if not concerns(order, split) or order.is_finished or split.identity in order.seen:
        return None
    order.remember(split.identity)
    order.splits.append((split.time_ns, split.ratio))
    order.quantity, order.price, order.stop_price = _after(order.quantity, order.price, order.stop_price, split.ratio)
    order.filled = EXACT.multiply(order.filled, split.ratio)
    for fill in order.fills.values():
        fill.quantity = EXACT.multiply(fill.quantity, split.ratio)
    order.requests = [Request(*_after(asked.quantity, asked.price, asked.stop_price, split.ratio)) for asked in order.requests]
    return f"split {split.ratio:f}"


def _after(
    quantity: Decimal | None, price: Decimal | None, stop_price: Decimal | None, ratio: Decimal
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return (
        None if quantity is None else EXACT.multiply(quantity, ratio),
        None if price is None else OUTPUT.divide(price, ratio),
        None if stop_price is None else OUTPUT.divide(stop_price, ratio),
    )
