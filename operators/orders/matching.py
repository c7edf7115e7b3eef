"""The paper exchange: orders in, ticks in, execution reports out, as a broker would send them.

- A request takes effect ``latency_ns`` (and what chance adds) of event time after it was made: when its symbol's ticks or the watermark
  of its partition pass that time, or at arrival, if they have or if there is no latency. Only ticks of that time and later can fill it,
  and a fill may win the race against a cancel. Requests of one order take effect in their order. A symbol without a tick yet goes by the
  watermark of any partition.
- What a tick fills: ``filling.py``. A stop is triggered by a trade at its price; what becomes of it meets the ticks after that one.
- A DAY order expires when event time passes the end of the UTC day in which it took effect. The end of an input is not the end of a
  day: what is open stays open, and requests under way take effect.
- A split scales what was asked for before its time, what is filled included; nothing is reported, for everybody applies it.
- After a crash, published reports are true (law 5): they set an order's fills, terms and end, what they took of a tick is taken, and
  ticks up to an order's last published fill decide nothing more of it.

State: open orders, the last done ones (``done_orders.py``), requests under way, splits of symbols (the last SPLITS of each).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.orders.adopting import adopt_report
from operators.orders.paper.chance import latency_of
from operators.orders.paper.fees import fee_of
from operators.orders.paper.filling import Fill, Tick, fill, read_tick
from operators.orders.paper.floor import SPLITS, Floor, SymbolOrders
from operators.orders.paper.reports import Cause, Report, Said, report, terms_of, tick_name
from operators.orders.paper.requests import Request, fault_of_order, fault_of_replace, fault_of_symbol, fill_in, read_request
from operators.orders.paper.resting import EXACT, SIDES, Book, Resting
from operators.orders.settings import PaperSettings
from schemas.control import Action, Control
from schemas.errors import RecoveryError
from schemas.events import Event, Place
from schemas.orders import ExecType, OrderUpdate
from schemas.symbols import SYMBOLS
from schemas.ticks import WATERMARK, TickFrame
from schemas.times import END_OF_TIME_NS, MAX_TIME_NS

VERSION = 1

TICKS = "market.ticks"

_OPEN_ENDED = ("expire", "split")
"""What the end of an input does not bring about."""


class PaperExchange:
    """The orders of one shard of symbols."""

    def __init__(self, settings: PaperSettings) -> None:
        self._floor = Floor(settings)

    def on_update(self, event: Event[OrderUpdate]) -> list[Report]:
        """Take what the orders flow says of an order; reports of what takes effect at once."""
        self._floor.out = []
        request = read_request(event)
        if request is not None and self._is_news(request, event):
            self._receive(request, event.place)
        return self._floor.out

    def on_frame(self, frame: TickFrame) -> list[Report]:
        """Apply the rows of a frame in their order."""
        self._floor.out = []
        for row in self._floor.watching.rows(frame):
            place = Place(TICKS, int(row["partition"]), int(row["offset"]))
            if int(row["kind"]) == WATERMARK:
                self._pass(place.partition, int(row["watermark"]), place)
            else:
                self._meet(SYMBOLS.names[int(row["symbol"])], row, place)
        return self._floor.out

    def on_action(self, action: Control) -> list[Report]:
        """Learn of a split; nothing is reported. Without a time of its own it is in force for what is here when it comes."""
        split = action.payload
        if not isinstance(split, Action) or split.action != "split" or split.ratio is None:
            return []
        name, known = action.event_id or action.id, self._floor.splits.setdefault(split.symbol, [])
        if any(name == one for _, _, one in known):
            return []
        known.append((action.time_ns, split.ratio, name))
        del known[:-SPLITS]
        if split.symbol in self._floor.symbols:
            self._floor.split_now(split.symbol, name, action.time_ns, split.ratio)
        return []

    def adopt(self, said: Iterable[Said]) -> None:
        """After ``restore`` (or afresh): take as true what was published since."""
        for one in said:
            adopt_report(self._floor, one)

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        return {
            "version": VERSION,
            "watching": self._floor.watching.dump(),
            "orders": [msgspec.to_builtins(order) for order in self._floor.orders.values()],
            "agenda": [[msgspec.to_builtins(entry[2]) for entry in symbol.agenda] for symbol in self._floor.symbols.values()],
            "done": self._floor.done.dump(),
            "splits": [[name, time, str(ratio), one] for name, known in self._floor.splits.items() for time, ratio, one in known],
            "used": [
                [name, *place, side, str(quantity)]
                for name, places in self._floor.used.items()
                for place, sides in places.items()
                for side, quantity in sides.items()
            ],
            "seq": self._floor.seq,
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot, on an exchange that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(
                f"expected stored paper orders of version {VERSION}, found {stored.get('version')}",
                hint="start over with another recovery store",
            )
        self._floor.watching.load(stored["watching"])
        self._floor.symbols = {name: SymbolOrders() for name in self._floor.watching.names}
        for symbol, agenda in zip(self._floor.symbols.values(), stored["agenda"], strict=True):
            symbol.agenda = [(*request.turn, request) for request in msgspec.convert(agenda, list[Request])]
        for order in msgspec.convert(stored["orders"], list[Resting]):
            self._floor.orders[order.key] = order
            if order.state == "open":
                self._floor.symbols[order.symbol].orders[order.key] = order
                if order.is_in:
                    self._floor.symbols[order.symbol].book.add(order)
        self._floor.done.load(stored["done"])
        for name, time, ratio, one in stored["splits"]:
            self._floor.splits.setdefault(name, []).append((time, Decimal(ratio), one))
        for name, partition, offset, index, side, quantity in stored["used"]:
            self._floor.used.setdefault(name, {}).setdefault((partition, offset, index), {})[side] = Decimal(quantity)
        self._floor.seq = stored["seq"]
        for name in self._floor.symbols:
            self._floor.watch(name)

    # What is asked.

    def _is_news(self, request: Request, event: Event[OrderUpdate]) -> bool:
        """Whether a request was not seen before. An order that is placed is noted."""
        order, done = self._floor.orders.get(request.key), self._floor.done.get(request.key)
        if request.kind == "place":
            return done is None and self._is_new_order(order, request, event)
        if order is not None:
            return request.event_id not in order.answered and (request.event_id, request.kind) not in order.awaiting
        if done is not None:
            return request.event_id not in done.answered and not (request.kind == "cancel" and done.outcome == "canceled")
        return not self._floor.done.was_seen(request.account, *event.place)

    def _is_new_order(self, order: Resting | None, request: Request, event: Event[OrderUpdate]) -> bool:
        if order is None:
            if self._floor.done.was_seen(request.account, *event.place):
                return False
            order = self._floor.orders[request.key] = Resting(*request.key)
            fill_in(order, event)
            return True
        if order.state != "told":
            return False
        fill_in(order, event)
        if order.outcome:
            self._floor.end(order, order.outcome)
        elif order.reports:
            self._floor.split_to_now(order)
            self._floor.accept(order, self._floor.clock(order.symbol))
            self._floor.watch(order.symbol)
        else:
            order.state = "pending"
            return True
        return False

    def _receive(self, request: Request, place: Place) -> None:
        """Let a request take effect, now or when its time has come."""
        settings, order = self._floor.settings, self._floor.orders.get(request.key)
        due_ns = request.time_ns + latency_of(settings, *request.key, request.event_id)
        if order is not None:
            due_ns = order.last_due_ns = max(due_ns, order.last_due_ns)
        self._floor.seq += 1
        request = msgspec.structs.replace(request, due_ns=min(due_ns, MAX_TIME_NS - 1), seq=self._floor.seq)
        has_ticks = fault_of_symbol(request.symbol) is None
        if has_ticks:
            self._floor.open_symbol(request.symbol)
        is_at_once = settings.latency_ns == settings.jitter_ns == 0
        clock_ns = self._floor.clock(request.symbol)
        if not has_ticks or is_at_once or request.due_ns <= clock_ns:
            self._act(request, clock_ns, place)
        else:
            if order is not None:
                order.awaiting.append((request.event_id, request.kind))
            self._floor.plan(request)
        if has_ticks:
            self._floor.watch(request.symbol)

    # What takes effect.

    def _act(self, request: Request, clock_ns: int, place: Place) -> None:
        """Let a request take effect."""
        order, done = self._floor.orders.get(request.key), self._floor.done.get(request.key)
        if request.kind == "split":
            assert request.quantity is not None
            self._floor.scale(request.symbol, request.due_ns, request.quantity)
        elif request.kind == "expire":
            self._expire(request, place)
        elif request.kind == "enter":
            if order is not None and order.state == "open" and not order.is_in and order.live_ns <= clock_ns:
                self._floor.symbols[order.symbol].book.add(order)
        else:
            if order is not None:
                order.awaiting = [one for one in order.awaiting if one[0] != request.event_id]
            answered = order.answered if order is not None else done.answered if done is not None else ()
            if request.event_id in answered:
                return
            if order is not None and order.state == "told":
                order = None  # its PENDING_NEW did not come again
            cause = Cause(request.event_id, request.correlation_id, request.due_ns, place)
            if request.kind == "place":
                self._place(order, cause, clock_ns)
            elif request.kind == "cancel":
                self._cancel(order, request, cause)
            else:
                self._replace(order, request, cause, clock_ns)

    def _place(self, order: Resting | None, cause: Cause, clock_ns: int) -> None:
        if order is None or order.state != "pending":
            return
        order.seq, order.live_ns = self._floor.next_seq(), cause.time_ns
        fault = fault_of_order(order)
        order.answered.append(cause.name)
        if fault:
            self._floor.say(order, ExecType.REJECTED, cause, **terms_of(order), reason=fault)
            self._floor.end(order, "rejected")
            return
        self._floor.split_to_now(order)
        self._floor.say(order, ExecType.NEW, cause, **terms_of(order))
        self._floor.accept(order, clock_ns)

    def _cancel(self, order: Resting | None, request: Request, cause: Cause) -> None:
        if order is None:
            self._refuse(ExecType.CANCEL_REJECTED, request, cause)
            return
        order.answered.append(cause.name)
        self._floor.say(order, ExecType.CANCELED, cause, **terms_of(order))
        self._floor.end(order, "canceled")

    def _replace(self, order: Resting | None, request: Request, cause: Cause, clock_ns: int) -> None:
        if order is None:
            self._refuse(ExecType.REPLACE_REJECTED, request, cause)
            return
        order.answered.append(cause.name)
        wanted = self._floor.in_units_of_now(request)
        fault = fault_of_replace(order, wanted)
        if fault:
            self._floor.say(order, ExecType.REPLACE_REJECTED, cause, **terms_of(order), reason=fault)
            return
        self._floor.symbols[order.symbol].book.remove(order)
        self._floor.set_terms(order, wanted.quantity, wanted.price, wanted.stop_price, cause.time_ns)
        self._floor.say(order, ExecType.REPLACED, cause, **terms_of(order))
        self._floor.accept(order, clock_ns)

    def _refuse(self, exec_type: ExecType, request: Request, cause: Cause) -> None:
        """A request for an order that is not here."""
        done = self._floor.done.get(request.key)
        number = 0
        if done is not None:
            done.reports += 1
            done.answered.append(request.event_id)
            number = done.reports
        reason = f"the order is {done.outcome}" if done is not None else "expected an order that is open, found none of that id"
        self._floor.out.append(report(self._floor.settings.venue, request.key, request.symbol, number, cause, exec_type, reason=reason))

    def _expire(self, request: Request, place: Place) -> None:
        for order in sorted(self._floor.symbols[request.symbol].orders.values(), key=lambda one: one.seq):
            if order.time_in_force == "day" and order.live_ns < request.due_ns:
                self._floor.say(order, ExecType.EXPIRED, Cause("day", order.correlation_id, request.due_ns, place), **terms_of(order))
                self._floor.end(order, "expired")

    # What ticks do.

    def _pass(self, partition: int, watermark_ns: int, place: Place) -> None:
        """A partition's event time has come so far."""
        is_end = watermark_ns == END_OF_TIME_NS
        for clock_ns in (self._floor.watching.end(partition), watermark_ns) if is_end else (watermark_ns,):
            for name in self._floor.watching.due(partition, clock_ns):
                self._run_agenda(name, clock_ns, place)
                self._floor.watch(name)
        self._floor.watching.settle()

    def _meet(self, name: str, row: np.void, place: Place) -> None:
        """A tick meets the orders of its symbol."""
        self._run_agenda(name, int(row["watermark"]), place)
        book, tick = self._floor.symbols[name].book, read_tick(row)
        used = self._floor.used.get(name, {})
        for decided in fill(book, tick, self._floor.watching.is_quoted(name), self._floor.settings, used.get(tick.place, {})):
            self._apply(decided, tick, place)
        if used:
            self._floor.used[name] = {there: taken for there, taken in used.items() if there[0] != tick.place[0] or there > tick.place}
        if tick.is_trade:
            self._trigger(book, tick)
        else:
            self._rest(book, tick)
        self._floor.watch(name)

    def _apply(self, decided: Fill, tick: Tick, place: Place) -> None:
        order, quantity, price = decided
        cause = Cause(tick_name(tick.place), order.correlation_id, tick.time_ns, place)
        if not quantity:
            self._floor.say(order, ExecType.CANCELED, cause, **terms_of(order), reason="not filled at its first opportunity")
            self._floor.end(order, "canceled")
            return
        order.filled, order.filled_ns = EXACT.add(order.filled, quantity), tick.time_ns
        self._floor.say(
            order,
            ExecType.FILL,
            cause,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee_of(self._floor.settings, quantity, price),
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            cumulative_quantity=order.filled,
        )
        if order.leaves <= 0:
            self._floor.end(order, "filled")

    def _trigger(self, book: Book, tick: Tick) -> None:
        for side in SIDES:
            price = tick.price[side]
            for order in [] if price is None else book.triggered(side, price):
                if order.can_meet(tick.time_ns, tick.place):
                    book.remove(order)
                    order.is_triggered = True
                    book.add(order)

    def _rest(self, book: Book, tick: Tick) -> None:
        for side in SIDES:
            if tick.price[side] is not None and tick.size[side] != 0:
                for order in [one for one in book.fresh[side].values() if one.can_meet(tick.time_ns, tick.place)]:
                    book.rest(order)

    def _run_agenda(self, name: str, clock_ns: int, place: Place) -> None:
        symbol, kept = self._floor.symbols[name], []
        while symbol.agenda and symbol.agenda[0][0] <= clock_ns:
            entry = symbol.agenda.pop(0)
            if clock_ns == END_OF_TIME_NS and entry[2].kind in _OPEN_ENDED:
                kept.append(entry)
            else:
                self._act(entry[2], clock_ns, place)
        symbol.agenda[:0] = kept
