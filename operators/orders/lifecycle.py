"""Commands and execution reports become order updates: where each order stands, once for each thing that happened to it.

The state of an order depends on nothing but what happened to it, in its order; so events of different orders may be permuted, duplicates
change nothing, and what was published can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from operators.orders.account import SAID_KEPT, Account, Waiting
from operators.orders.causes import Cause, Split, command_cause, fill_key, report_cause, update_id
from operators.orders.commands import ask_cancel, ask_replace, wrong_with
from operators.orders.order import Order, placed
from operators.orders.reports import News, Refusal, apply_report
from operators.orders.script import Script
from operators.orders.settings import OrdersSettings
from operators.orders.splits import Splits, apply_split, concerns
from schemas.dead_letters import Reason, Reject
from schemas.event_reading import reject_event
from schemas.events import LANES, Event, EventType, Header, Place
from schemas.orders import EVENT_TYPE_OF, ExecType, ExecutionReport, OrderCommand, OrderUpdate, Status
from schemas.times import END_OF_TIME_NS, format_time

SOURCE = "orders"

NOT_OURS = frozenset({ExecType.TRANSFER, ExecType.CASH})
_BY_FILL = frozenset({ExecType.BUST, ExecType.CORRECT})


class OrdersOutput(msgspec.Struct, gc=False):
    """What one input made, by topic."""

    updates: list[Event[OrderUpdate]] = []
    rejects: list[Reject] = []


class OrderBook:
    """The orders of a shard of accounts.

    A report on an order that is not known waits for its command, until a command of the account, or a watermark, is later by
    ``unknown_after_ns``; a bust or correction waits in the same way for its fill, by the reports of its symbol. Reports alone open
    no order.
    An answer that is about no order of ours (an unknown one, or an id used before) bears version 0.
    """

    def __init__(self, settings: OrdersSettings) -> None:
        self._wait_ns = settings.unknown_after_ns
        self._accounts: dict[str, Account] = {}
        self._splits = Splits()
        self._made = OrdersOutput()
        self._place = Place("", 0, 0)

    def on_command(self, event: Event[OrderCommand]) -> OrdersOutput:
        """Apply a command; a repeated one says nothing. One without an account is to all that there are."""
        self._begin(event.place)
        for name in [event.payload.account] if event.payload.account else list(self._accounts):
            self._take(self._account(name), event)
        return self._made

    def _take(self, account: Account, event: Event[OrderCommand]) -> None:
        command, cause = event.payload, command_cause(event)
        self._expire(account, account.memory.for_order, event.time_ns)
        if not account.is_new(cause.identity):
            return
        if command.command != "cancel_all":
            self._submit(account, command.order_id or "", cause)
            return
        for order_id in account.order_ids():
            self._submit(account, order_id, cause)

    def on_report(self, event: Event[ExecutionReport]) -> OrdersOutput:
        """Apply an execution report, or let it wait for its order or its fill. What is about no order is not for here."""
        self._begin(event.place)
        report = event.payload
        if report.exec_type in NOT_OURS or not (report.order_id or report.exec_type in _BY_FILL):
            return self._made
        if not report.account:
            self._reject(event, Reason.MISSING_FIELD, f"account: expected that of order {report.order_id}, found none")
            return self._made
        account, cause = self._account(report.account), report_cause(event)
        waiting = account.memory.for_fill.get(report.symbol or "")
        if waiting:
            self._expire(account, waiting, event.time_ns)
        if report.exec_type not in _BY_FILL:
            self._submit(account, report.order_id or "", cause)
            return self._made
        key = fill_key(report.venue, report.symbol, report.reference_execution_id)
        order_id = account.fills.get(key)
        if order_id is not None:
            self._submit(account, order_id, cause)
        else:
            self._wait(account.memory.for_fill.setdefault(report.symbol or "", Waiting()), key, cause)
        return self._made

    def on_split(self, split: Split, place: Place) -> OrdersOutput:
        """Adjust what was ordered before it, here and in what comes later; one that is known changes nothing.

        One without a time (0) adjusts what is here.
        """
        self._begin(place)
        if not self._splits.is_new(split):
            return self._made
        for account in self._accounts.values():
            for order_id in account.order_ids():
                self._submit_split(account, order_id, split)
        return self._made

    def on_watermark(self, time_ns: int) -> OrdersOutput:
        """No earlier event will come. At the end of time nothing waits any longer."""
        self._begin(Place("", 0, 0))
        for account in self._accounts.values():
            if time_ns == END_OF_TIME_NS:
                for order_id, script in list(account.memory.scripts.items()):
                    self._leave(account, order_id, script)
            for waiting in (account.memory.for_order, *account.memory.for_fill.values()):
                self._expire(account, waiting, time_ns)
        return self._made

    def adopt(self, updates: Iterable[tuple[str, OrderUpdate]]) -> None:
        """Take as said what was published: (event id, payload) in the order of each account; what the state knows is passed over."""
        for event_id, update in updates:
            account = self._account(update.account)
            script = account.memory.scripts.get(update.order_id)
            order = account.orders.get(update.order_id)
            if script and event_id in script.said:
                continue
            if update.version:
                if update.version <= max(order.version if order else 0, script.version if script else 0):
                    continue
            elif event_id.removeprefix(update_id(update.account, update.order_id, "")) in account.memory.keys and not (
                script and event_id in script.held
            ):
                continue
            if not script:
                script = account.memory.scripts[update.order_id] = Script([])
            script.said.append(event_id)
            script.version = max(script.version, update.version)

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        return {
            "version": 1,
            "splits": self._splits.stored(),
            "accounts": {name: account.stored() for name, account in self._accounts.items()},
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot, on a book that has seen nothing."""
        self._splits = Splits(stored["splits"])
        self._accounts = {name: Account.from_stored(name, one) for name, one in stored["accounts"].items()}

    def _begin(self, place: Place) -> None:
        self._made, self._place = OrdersOutput(), place

    def _account(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(name)
        account.touch()
        return account

    def _submit(self, account: Account, order_id: str, cause: Cause) -> None:
        """Apply a cause to an order, now or when its turn comes."""
        script = account.memory.scripts.get(order_id)
        if script is None:
            self._apply(account, order_id, cause)
            return
        script.hold(update_id(account.name, order_id, cause.identity), cause)
        while due := script.next():
            self._apply(account, order_id, due)
        if script.is_over and account.memory.scripts.get(order_id) is script:
            self._leave(account, order_id, script)

    def _leave(self, account: Account, order_id: str, script: Script) -> None:
        """A script is done, or given up: then what is left of it stays said, and is not said otherwise."""
        account.touch()
        del account.memory.scripts[order_id]
        order = account.orders.get(order_id)
        if script.said and order:
            order.version = max(order.version, script.version)
            account.touch(order_id)
        account.memory.said |= dict.fromkeys(script.said[:SAID_KEPT])
        while len(account.memory.said) > SAID_KEPT:
            del account.memory.said[next(iter(account.memory.said))]
        for cause in script.held.values():
            self._submit(account, order_id, cause)

    def _apply(self, account: Account, order_id: str, cause: Cause) -> None:
        account.touch(order_id)
        order = account.orders.get(order_id)
        if cause.command:
            self._command(account, order_id, order, cause, cause.command)
        elif cause.report:
            self._report(account, order_id, order, cause, cause.report)
        elif cause.split and order and (reason := apply_split(order, cause.split)):
            self._say(account, order, cause, News(EventType.ORDER_REPLACED, reason))
        order = account.orders.get(order_id)
        if order:
            account.settle(order)

    def _command(self, account: Account, order_id: str, order: Order | None, cause: Cause, event: Event[OrderCommand]) -> None:
        command = event.payload
        if command.command == "place":
            self._open(account, order_id, order, cause, event)
        elif command.command == "cancel_all":
            if order and command.symbol in (None, order.symbol) and ask_cancel(order) is None:
                self._say(account, order, cause, News(EVENT_TYPE_OF[order.status]))
        elif order is None:
            unknown = f"unknown order {order_id} for account {account.name}"
            self._answer(account, order_id, cause, event, EventType.ORDER_CANCEL_REJECTED, unknown)
        else:
            reason = ask_cancel(order) if command.command == "cancel" else ask_replace(order, event)
            self._say(account, order, cause, News(EventType.ORDER_CANCEL_REJECTED if reason else EVENT_TYPE_OF[order.status], reason))

    def _open(self, account: Account, order_id: str, order: Order | None, cause: Cause, event: Event[OrderCommand]) -> None:
        if order:
            used = f"order id {order_id} was used before by another placing"
            self._answer(account, order_id, cause, event, EventType.ORDER_REJECTED, used)
            return
        order = placed(event.payload, order_id, event.header.correlation_id, event.time_ns)
        reason = wrong_with(order)
        if reason:
            order.ended = Status.REJECTED
        account.orders[order_id] = order
        self._say(account, order, cause, News(EVENT_TYPE_OF[order.status], reason))
        for split in self._splits.of(order.symbol):
            self._submit_split(account, order_id, split)
        for waiting in account.memory.for_order.take(order_id):
            self._submit(account, order_id, waiting)

    def _report(self, account: Account, order_id: str, order: Order | None, cause: Cause, event: Event[ExecutionReport]) -> None:
        report = event.payload
        if order is None:
            self._wait(account.memory.for_order, order_id, cause)
            return
        is_fill = report.exec_type is ExecType.FILL
        known = fill_key(report.venue, report.symbol, report.execution_id) in account.fills if is_fill else cause.identity in order.seen
        if known:
            return
        outcome = apply_report(order, event)
        if isinstance(outcome, Refusal):
            self._reject(event, outcome.reason, outcome.detail)
            return
        if not is_fill:
            order.remember(cause.identity)
        if outcome:
            self._say(account, order, cause, outcome)
        if is_fill or (report.exec_type is ExecType.CORRECT and report.execution_id):
            for waiting in account.index(order, report):
                self._submit(account, order_id, waiting)

    def _submit_split(self, account: Account, order_id: str, split: Split) -> None:
        order = account.orders.get(order_id)
        if order is None or concerns(order, split):
            self._submit(account, order_id, Cause(split.identity, split=split))

    def _say(self, account: Account, order: Order, cause: Cause, news: News) -> None:
        order.version += 1
        update = order.update(news.reason, news.last_quantity, news.last_price)
        self._emit(account, cause, news.event_type, update, order.correlation_id)

    def _answer(
        self, account: Account, order_id: str, cause: Cause, event: Event[OrderCommand], event_type: EventType, reason: str
    ) -> None:
        """Refuse a command that is about no order of ours; an order of that id stays as it is."""
        asked = placed(event.payload, order_id, "", 0)
        asked.ended = Status.REJECTED
        if event.payload.command != "place":
            asked.order_type = asked.time_in_force = None
        self._emit(account, cause, event_type, asked.update(reason), event.header.correlation_id)

    def _emit(self, account: Account, cause: Cause, event_type: EventType, update: OrderUpdate, correlation_id: str) -> None:
        event_id = update_id(account.name, update.order_id, cause.identity)
        if event_id in account.memory.said:
            return
        header = Header(event_id, correlation_id, event_type.value, int(LANES[event_type]), format_time(cause.time_ns), SOURCE)
        self._made.updates.append(Event(header, update, cause.time_ns, self._place))

    def _wait(self, waiting: Waiting, name: str, cause: Cause) -> None:
        gone = waiting.add(name, cause)
        if gone:
            self._orphan(gone, "too many reports wait")

    def _expire(self, account: Account, waiting: Waiting, time_ns: int) -> None:
        for cause in waiting.expire(time_ns - self._wait_ns):
            account.touch()
            self._orphan(cause, "none came in time")

    def _orphan(self, cause: Cause, why: str) -> None:
        """A bust or correction that names no order is the portfolio's alone."""
        event = cause.report
        if event is None or not event.payload.order_id:
            return
        report = event.payload
        what = f"fill {report.reference_execution_id}" if report.exec_type in _BY_FILL else f"order {report.order_id}"
        self._reject(event, Reason.ORPHAN, f"expected {what} of account {report.account}, found none: {why}")

    def _reject(self, event: Event[ExecutionReport], reason: Reason, detail: str) -> None:
        self._made.rejects.append(reject_event(event, reason, detail))
