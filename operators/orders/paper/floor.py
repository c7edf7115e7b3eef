"""What the paper exchange stands on: its orders, the books of their symbols, what is under way, and what is done with all of it."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.orders.done_orders import DoneOrders
from operators.orders.paper.reports import Cause, Report, report
from operators.orders.paper.requests import Request
from operators.orders.paper.resting import EXACT, OUTPUT, Book, Key, Resting, TickPlace
from operators.orders.paper.triggers import FIRST_ASK, FIRST_BID, TAKES_ASK, TAKES_BID
from operators.orders.paper.watching import Watching
from operators.orders.settings import PaperSettings
from schemas.orders import ExecType, Side
from schemas.times import DAY_NS, END_OF_TIME_NS

SPLITS = 16
"""Kept of a symbol."""


@dataclass(slots=True)
class SymbolOrders:
    """A symbol that has had orders."""

    book: Book = field(default_factory=Book)
    orders: dict[Key, Resting] = field(default_factory=dict)
    """Accepted, whether in the book yet or not."""
    agenda: list[tuple[int, int, Request]] = field(default_factory=list)
    """What takes effect, by time and arrival."""


class Floor:
    """The state, and what changes it in one way wherever it is changed.

    Attributes:
        out: reports that the input at hand has made so far.
        used: by symbol and tick, what published fills took of ticks that come again.
    """

    def __init__(self, settings: PaperSettings) -> None:
        self.settings = settings
        self.watching = Watching()
        self.symbols: dict[str, SymbolOrders] = {}
        self.orders: dict[Key, Resting] = {}
        self.done = DoneOrders()
        self.splits: dict[str, list[tuple[int, Decimal, str]]] = {}
        self.used: dict[str, dict[TickPlace, dict[Side, Decimal]]] = {}
        self.seq = 0
        self.out: list[Report] = []

    def say(self, order: Resting, exec_type: ExecType, cause: Cause, **fields: Any) -> None:
        """Report something of an order."""
        order.reports += 1
        self.out.append(report(self.settings.venue, order.key, order.symbol, order.reports, cause, exec_type, **fields))

    def end(self, order: Resting, outcome: str) -> None:
        """An order is done: it is remembered as that."""
        symbol = self.symbols.get(order.symbol)
        if symbol is not None:
            symbol.book.remove(order)
            symbol.orders.pop(order.key, None)
        self.orders.pop(order.key, None)
        self.done.add(order, outcome)

    def next_seq(self) -> int:
        """The next place in the order of arrival."""
        self.seq += 1
        return self.seq

    def clock(self, name: str) -> int:
        """How far event time has come for a symbol's orders, ns; -1: nowhere yet."""
        return self.watching.clock(name) if name in self.symbols else -1

    def open_symbol(self, name: str) -> SymbolOrders:
        """The orders of a symbol that ticks can have; its known splits that lie ahead are planned."""
        if name not in self.symbols:
            self.symbols[name] = SymbolOrders()
            self.watching.add(name)
            clock_ns = self.clock(name)
            for time_ns, ratio, one in self.splits.get(name, ()):
                if time_ns > clock_ns:
                    self.plan_own(kind="split", symbol=name, event_id=one, due_ns=time_ns, quantity=ratio)
        return self.symbols[name]

    def watch(self, name: str) -> None:
        """Set a symbol's thresholds as its book and agenda are now."""
        symbol = self.symbols.get(name)
        if symbol is None:
            return
        book = symbol.book
        takes = (TAKES_ASK if book.takers["buy"] else 0) | (TAKES_BID if book.takers["sell"] else 0)
        takes |= (FIRST_ASK if book.fresh["buy"] else 0) | (FIRST_BID if book.fresh["sell"] else 0)
        due_ns = symbol.agenda[0][0] if symbol.agenda else END_OF_TIME_NS
        limits = _float(book.best("buy"), -np.inf), _float(book.best("sell"), np.inf)
        stops = _float(book.next_stop("buy"), np.inf), _float(book.next_stop("sell"), -np.inf)
        self.watching.set(name, due_ns, limits, stops, takes)

    def accept(self, order: Resting, clock_ns: int) -> None:
        """An order is open: it goes into the book, now or when its time has come; a DAY order until its day ends."""
        symbol = self.open_symbol(order.symbol)
        order.state = "open"
        symbol.orders[order.key] = order
        if order.live_ns <= clock_ns:
            symbol.book.add(order)
        else:
            name = {"account": order.account, "order_id": order.order_id, "symbol": order.symbol}
            self.plan_own(kind="enter", due_ns=order.live_ns, **name)
        day_end_ns = (order.live_ns // DAY_NS + 1) * DAY_NS
        if order.time_in_force == "day" and not any(due == day_end_ns and one.kind == "expire" for due, _, one in symbol.agenda):
            self.plan_own(kind="expire", symbol=order.symbol, due_ns=day_end_ns)

    def set_terms(self, order: Resting, quantity: Decimal | None, price: Decimal | None, stop: Decimal | None, time_ns: int) -> None:
        """What is not given stays; the order loses its priority."""
        order.quantity = order.quantity if quantity is None else quantity
        order.price = order.price if price is None else price
        order.stop_price = order.stop_price if stop is None else stop
        order.live_ns, order.seq, order.has_rested = time_ns, self.next_seq(), False

    def plan(self, request: Request) -> None:
        """Let a request take effect in its time."""
        insort(self.symbols[request.symbol].agenda, (*request.turn, request))

    def plan_own(self, **fields: Any) -> None:
        """Plan something of the exchange's own."""
        self.seq += 1
        self.plan(Request(seq=self.seq, **fields))

    def split_now(self, name: str, split: str, time_ns: int, ratio: Decimal) -> None:
        """A new split: what it changes now, or when its time has come; at 0 it has none."""
        clock_ns = self.clock(name)
        if time_ns > clock_ns:
            self.plan_own(kind="split", symbol=name, event_id=split, due_ns=time_ns, quantity=ratio)
            self.watch(name)
            return
        here = [order for order in self.orders.values() if order.symbol == name and order.state != "told"]
        self.scale(name, time_ns or 1 + max([clock_ns, *(max(order.terms_ns, order.filled_ns) for order in here)]), ratio)
        if not time_ns:
            for order in here:
                if order.state == "pending":
                    order.split(max(order.terms_ns, order.filled_ns) + 1, ratio)

    def scale(self, name: str, time_ns: int, ratio: Decimal) -> None:
        """A split of what is accepted."""
        book = self.symbols[name].book
        for order in self.symbols[name].orders.values():
            was_in = order.is_in
            book.remove(order)
            order.split(time_ns, ratio)
            if was_in:
                book.add(order)
        self.watch(name)

    def split_to_now(self, order: Resting) -> None:
        """What was asked for before a split takes effect after it."""
        for time_ns, ratio in self._splits_in_force(order.symbol):
            order.split(time_ns, ratio)

    def in_units_of_now(self, request: Request) -> Request:
        """A request for a replace, scaled by the splits since it was made."""
        quantity, price, stop = request.quantity, request.price, request.stop_price
        for time_ns, ratio in self._splits_in_force(request.symbol):
            if request.time_ns < time_ns:
                quantity = None if quantity is None else EXACT.multiply(quantity, ratio)
                price, stop = (None if value is None else OUTPUT.divide(value, ratio) for value in (price, stop))
        return msgspec.structs.replace(request, quantity=quantity, price=price, stop_price=stop)

    def _splits_in_force(self, name: str) -> list[tuple[int, Decimal]]:
        """Those with a time that no longer lies ahead."""
        known = self.splits.get(name)
        if not known:
            return []
        ahead = {request.event_id for _, _, request in self.symbols[name].agenda if request.kind == "split"}
        return [(time_ns, ratio) for time_ns, ratio, one in known if time_ns and one not in ahead]


def _float(value: Decimal | None, absent: float) -> float:
    return absent if value is None else float(value)
