"""Orders at the paper exchange: one of them, and the book of a symbol in the order in which they are served."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import takewhile
from typing import Literal

import msgspec

from schemas.orders import OrderType, Side

Key = tuple[str, str]
"""Account and order id."""

TickPlace = tuple[int, int, int]
"""Partition, offset, index."""

State = Literal["told", "pending", "open"]
"""Told: published before the order itself came again; pending: under way; open: accepted."""

SIDES: tuple[Side, Side] = ("buy", "sell")

EXACT = Context(prec=5000)
OUTPUT = Context(prec=28)
"""Of what does not end, as a price after a split."""

_FIRST = Decimal("-Infinity")


class Resting(msgspec.Struct, array_like=True):
    """An order as the exchange knows it. What is done is no longer one."""

    account: str
    order_id: str
    symbol: str = ""
    side: Side | None = None
    order_type: OrderType | None = None
    time_in_force: str = "day"
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    correlation_id: str = ""
    topic: str = ""
    partition: int = 0
    offset: int = 0
    """With the two before: the record that placed it."""
    state: State = "pending"
    outcome: str = ""
    """Of a told order: how it ended; empty: it did not."""
    seq: int = 0
    """Its time priority."""
    live_ns: int = 0
    """Event time from which ticks can fill it."""
    last_due_ns: int = 0
    """No later request takes effect earlier."""
    terms_ns: int = 0
    """Quantity and prices are in units of this time."""
    filled: Decimal = Decimal(0)
    filled_ns: int = 0
    """``filled`` is in units of this time."""
    reports: int = 0
    """How many were made."""
    answered: list[str] = []
    """Requests, by their event."""
    awaiting: list[tuple[str, str]] = []
    """Requests under way: event and kind."""
    is_triggered: bool = False
    has_rested: bool = False
    """It met an opposite quote: from then on others come to it, and it fills at its limit."""
    is_in: bool = False
    """In the book; else its time has not come."""
    decided: list[TickPlace] = []
    """Published fills that were adopted: it has been through these partitions' ticks up to here."""

    @property
    def key(self) -> Key:
        """What names it."""
        return self.account, self.order_id

    @property
    def leaves(self) -> Decimal:
        """Still open."""
        return EXACT.subtract(self.quantity or Decimal(0), self.filled)

    @property
    def is_stop(self) -> bool:
        """It waits for its stop price."""
        return self.order_type in ("stop", "stop_limit") and not self.is_triggered

    @property
    def is_market(self) -> bool:
        """It has no limit."""
        return self.order_type in ("market", "stop")

    @property
    def is_immediate(self) -> bool:
        """It has one opportunity."""
        return self.time_in_force in ("ioc", "fok")

    def can_meet(self, time_ns: int, place: TickPlace) -> bool:
        """Whether a tick comes after it took effect and after what is decided of it."""
        return time_ns >= self.live_ns and not any(place[0] == there[0] and place <= there for there in self.decided)

    def split(self, time_ns: int, ratio: Decimal) -> None:
        """Take part in a split, as far as its numbers are of before."""
        if self.terms_ns < time_ns:
            self.quantity = None if self.quantity is None else EXACT.multiply(self.quantity, ratio)
            self.price = None if self.price is None else OUTPUT.divide(self.price, ratio)
            self.stop_price = None if self.stop_price is None else OUTPUT.divide(self.stop_price, ratio)
            self.terms_ns = time_ns
        if self.filled and self.filled_ns < time_ns:
            self.filled, self.filled_ns = EXACT.multiply(self.filled, ratio), time_ns


Entry = tuple[Decimal, int, Resting]
"""(rank, seq, order): the lower is served first."""


class Book:
    """What of a symbol can be filled or triggered, by side: price first, then time.

    Attributes:
        takers: by side, orders without a limit or with one opportunity: every tick that they could take concerns them.
        fresh: by side, limits that have met no opposite quote.
    """

    def __init__(self) -> None:
        self._limits: dict[Side, list[Entry]] = {"buy": [], "sell": []}
        self._stops: dict[Side, list[Entry]] = {"buy": [], "sell": []}
        self.takers: dict[Side, dict[int, Resting]] = {"buy": {}, "sell": {}}
        self.fresh: dict[Side, dict[int, Resting]] = {"buy": {}, "sell": {}}

    def add(self, order: Resting) -> None:
        """Put an order in; its terms do not change while it is here."""
        assert order.side is not None
        order.is_in = True
        insort(self._list(order), (_rank(order), order.seq, order))
        if order.is_stop:
            return
        if order.is_market or order.is_immediate:
            self.takers[order.side][order.seq] = order
        if not order.is_market and not order.has_rested:
            self.fresh[order.side][order.seq] = order

    def remove(self, order: Resting) -> None:
        """Take an order out, if it is here."""
        if not order.is_in:
            return
        assert order.side is not None
        order.is_in = False
        entries = self._list(order)
        del entries[bisect_left(entries, (_rank(order), order.seq))]
        self.takers[order.side].pop(order.seq, None)
        self.fresh[order.side].pop(order.seq, None)

    def rest(self, order: Resting) -> None:
        """An order has met an opposite quote."""
        assert order.side is not None
        order.has_rested = True
        self.fresh[order.side].pop(order.seq, None)

    def touched(self, side: Side, price: Decimal) -> list[Resting]:
        """Those without a limit, and those whose limit a price reaches, in their order."""
        most = price if side == "sell" else EXACT.minus(price)
        return [order for _, _, order in takewhile(lambda entry: entry[0] <= most, self._limits[side])]

    def triggered(self, side: Side, price: Decimal) -> list[Resting]:
        """Stops that a trade at a price reaches, in their order."""
        most = price if side == "buy" else EXACT.minus(price)
        return [order for _, _, order in takewhile(lambda entry: entry[0] <= most, self._stops[side])]

    def best(self, side: Side) -> Decimal | None:
        """The best limit of a side."""
        return next((order.price for _, _, order in self._limits[side] if not order.is_market), None)

    def next_stop(self, side: Side) -> Decimal | None:
        """The stop price that is reached first."""
        return next((order.stop_price for _, _, order in self._stops[side]), None)

    def __iter__(self) -> Iterator[Resting]:
        for entries in (*self._limits.values(), *self._stops.values()):
            yield from (order for _, _, order in entries)

    def _list(self, order: Resting) -> list[Entry]:
        assert order.side is not None
        return (self._stops if order.is_stop else self._limits)[order.side]


def _rank(order: Resting) -> Decimal:
    if order.is_stop:
        assert order.stop_price is not None
        return order.stop_price if order.side == "buy" else EXACT.minus(order.stop_price)
    if order.is_market:
        return _FIRST
    assert order.price is not None
    return EXACT.minus(order.price) if order.side == "buy" else order.price
