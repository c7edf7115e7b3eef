"""What is remembered of one account: its orders, and what waits for them. Every part has a bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from operators.orders.causes import Cause, fill_key
from operators.orders.order import Order
from operators.orders.pretrade.open import Open
from operators.orders.reports import FILLS_KEPT
from operators.orders.script import Script, Verdict
from schemas.orders import ExecutionReport

KEYS_KEPT = 10_000
"""Commands that are known again; the oldest is forgotten first."""

FINISHED_KEPT = 1_000
"""Orders with nothing open, for duplicates, late fills, busts and corrections. The one that finished first is dropped first; a report on
it is then one on an unknown order."""

WAITING_KEPT = 10_000
"""Reports that wait for their order, and as many busts and corrections that wait for their fill; the first is dead-lettered first."""

SAID_KEPT = 10_000
"""Ids of updates that are out and must not be made again, of scripts that were given up."""


class Waiting(msgspec.Struct):
    """Causes that wait for something, by its name; in order of arrival."""

    by_name: dict[str, list[Cause]] = {}
    count: int = 0
    oldest_ns: int = 2**63 - 1
    """No cause that waits is older."""

    def add(self, name: str, cause: Cause) -> Cause | None:
        """Keep a cause; what had to go for it."""
        self.by_name.setdefault(name, []).append(cause)
        self.count += 1
        self.oldest_ns = min(self.oldest_ns, cause.time_ns)
        if self.count <= WAITING_KEPT:
            return None
        first = next(iter(self.by_name))
        gone = self.by_name[first].pop(0)
        self.count -= 1
        if not self.by_name[first]:
            del self.by_name[first]
        return gone

    def take(self, name: str) -> list[Cause]:
        """All that wait for this."""
        found = self.by_name.pop(name, [])
        self.count -= len(found)
        return found

    def expire(self, before_ns: int) -> list[Cause]:
        """Those of this event time or an earlier one, which have waited long enough."""
        if before_ns < self.oldest_ns:
            return []
        gone = [cause for causes in self.by_name.values() for cause in causes if cause.time_ns <= before_ns]
        kept = {name: [cause for cause in causes if cause.time_ns > before_ns] for name, causes in self.by_name.items()}
        self.by_name = {name: causes for name, causes in kept.items() if causes}
        self.count -= len(gone)
        self.oldest_ns = min((cause.time_ns for causes in self.by_name.values() for cause in causes), default=2**63 - 1)
        return gone


class Memory(msgspec.Struct):
    """All of an account but its orders."""

    keys: dict[str, None] = {}
    for_order: Waiting = msgspec.field(default_factory=Waiting)
    for_fill: dict[str, Waiting] = {}
    """By symbol, then by fill."""
    finished: dict[str, None] = {}
    scripts: dict[str, Script] = {}
    said: dict[str, str | None] = {}
    """Of scripts that were given up: what was refused has its reason."""
    now_ns: int = 0
    """Latest event time of a command or a report."""


class Account:
    """One account of the shard."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.orders: dict[str, Order] = {}
        self.memory = Memory()
        self.fills: dict[str, str] = {}
        """Key of a fill, or of a correction of it, to its order."""
        self._open: Open | None = None
        self._packed: dict[str, bytes] = {}
        self._packed_memory: bytes | None = None

    @property
    def open(self) -> Open:
        """What the open orders may still do; kept up by ``settle`` from the first time that it is asked for."""
        if self._open is None:
            self._open = Open(self.orders.values())
        return self._open

    def verdict(self, update_id: str) -> Verdict | None:
        """What was said of a cause whose script was given up."""
        said = self.memory.said
        return Verdict(said[update_id]) if said and update_id in said else None

    def touch(self, order_id: str | None = None) -> None:
        """The account changed, and this order of it: a snapshot packs it again."""
        self._packed_memory = None
        if order_id is not None:
            self._packed.pop(order_id, None)

    def order_ids(self) -> list[str]:
        """Orders that something may still happen to, besides late reports: the open ones, and those whose placing came and has a script.

        An order of a script whose placing has not come is placed later than what comes now.
        """
        scripts = self.memory.scripts
        known = [order_id for order_id in self.orders if order_id not in self.memory.finished or order_id in scripts]
        return known + [order_id for order_id, script in scripts.items() if order_id not in self.orders and script.holds_placing]

    def is_new(self, identity: str) -> bool:
        """Remember a command; False where it was known."""
        keys = self.memory.keys
        if identity in keys:
            return False
        keys[identity] = None
        if len(keys) > KEYS_KEPT:
            del keys[next(iter(keys))]
        return True

    def settle(self, order: Order) -> None:
        """Keep the bounds after an order changed."""
        if self._open is not None:
            self._open.follow(order)
        finished = self.memory.finished
        if not order.is_finished:
            finished.pop(order.order_id, None)
        elif order.order_id not in finished:
            finished[order.order_id] = None
            if len(finished) > FINISHED_KEPT:
                self._drop(next(iter(finished)))
        while len(order.fills) > FILLS_KEPT:
            self._forget_fill(order, next(iter(order.fills)))

    def index(self, order: Order, report: ExecutionReport) -> list[Cause]:
        """Know a fill or a correction again; the busts and corrections that waited for it."""
        key = fill_key(report.venue, report.symbol, report.execution_id)
        self.fills[key] = order.order_id
        waiting = self.memory.for_fill.get(report.symbol or "")
        return waiting.take(key) if waiting else []

    def _drop(self, order_id: str) -> None:
        order = self.orders.pop(order_id)
        for key in list(order.fills):
            self._forget_fill(order, key)
        del self.memory.finished[order_id]
        self._packed.pop(order_id, None)

    def _forget_fill(self, order: Order, key: str) -> None:
        for name in (key, *order.fills.pop(key).names):
            self.fills.pop(name, None)

    def stored(self) -> dict[str, Any]:
        """As plain data; what did not change is not packed again."""
        for order_id, order in self.orders.items():
            if order_id not in self._packed:
                self._packed[order_id] = msgspec.msgpack.encode(order)
        if self._packed_memory is None:
            self._packed_memory = msgspec.msgpack.encode(self.memory)
        return {"memory": self._packed_memory, "orders": [self._packed[order_id] for order_id in self.orders]}

    @classmethod
    def from_stored(cls, name: str, stored: dict[str, Any]) -> Account:
        """As it was stored."""
        account = cls(name)
        account.memory = msgspec.msgpack.decode(stored["memory"], type=Memory)
        for packed in stored["orders"]:
            order = msgspec.msgpack.decode(packed, type=Order)
            account.orders[order.order_id] = order
            account.fills |= dict.fromkeys(_names(order), order.order_id)
        return account


def _names(order: Order) -> Iterator[str]:
    for key, fill in order.fills.items():
        yield key
        yield from fill.names
