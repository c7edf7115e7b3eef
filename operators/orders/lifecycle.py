"""Commands and execution reports become order updates: where each order stands, once for each thing that happened to it.

The state of an order depends on nothing but what happened to it, in its order; so events of different orders may be permuted, duplicates
change nothing, and what was published can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from operators.orders.account import SAID_KEPT, Account, Waiting
from operators.orders.causes import (
    Cause,
    Split,
    command_cause,
    fill_key,
    halt_cause,
    is_decision,
    report_cause,
    said_halt,
    update_id,
)
from operators.orders.commands import ask_cancel, ask_replace, wrong_with
from operators.orders.decimals import EXACT, ZERO
from operators.orders.halting import apply_halt, next_asking
from operators.orders.order import Order, placed
from operators.orders.pretrade.checks import Checks
from operators.orders.pretrade.open import most_open
from operators.orders.pretrade.positions import signed_quantity
from operators.orders.pretrade.reasons import is_hard
from operators.orders.reports import News, Refusal, apply_report
from operators.orders.saying import BY_FILL, OrdersOutput, Voice
from operators.orders.script import Script, Verdict
from operators.orders.settings import OrdersSettings
from operators.orders.splits import Splits, apply_split, concerns
from schemas.control import Control
from schemas.dead_letters import Reason
from schemas.events import Event, EventType, Place
from schemas.orders import EVENT_TYPE_OF, ExecType, ExecutionReport, OrderCommand, OrderUpdate, Status
from schemas.times import END_OF_TIME_NS

NOT_OURS = frozenset({ExecType.TRANSFER, ExecType.CASH})
_MOVES = frozenset({ExecType.FILL, ExecType.TRANSFER})


class OrderBook:
    """The orders of a shard of accounts.

    A report on an order that is not known waits for its command, until a command of the account, or a watermark, is later by
    ``unknown_after_ns``; a bust or correction waits in the same way for its fill, by the reports of its symbol. Reports alone open
    no order.
    An answer that is about no order of ours (an unknown one, or an id used before) bears version 0.

    Attributes:
        checks: what orders are held against before they leave.
    """

    def __init__(self, settings: OrdersSettings) -> None:
        self._wait_ns = settings.unknown_after_ns
        self._accounts: dict[str, Account] = {}
        self._splits = Splits()
        self._voice = Voice()
        self._has_resumed = False
        self._counts: Event[ExecutionReport] | None = None
        """The fill that changes a position when it is applied, not when it came."""
        self.checks = Checks(settings)

    def on_command(self, event: Event[OrderCommand]) -> OrdersOutput:
        """Apply a command; a repeated one says nothing. One without an account is to all that there are."""
        self._begin(event.place)
        for name in [event.payload.account] if event.payload.account else list(self._accounts):
            self._take(self._account(name), event)
        return self._voice.made

    def _take(self, account: Account, event: Event[OrderCommand]) -> None:
        command, cause = event.payload, command_cause(event)
        account.memory.now_ns = max(account.memory.now_ns, event.time_ns)
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
        if report.exec_type in _MOVES and report.account and report.symbol:
            self._move(event, report.account, report.symbol, report.order_id)
        if report.exec_type in NOT_OURS or not (report.order_id or report.exec_type in BY_FILL):
            return self._voice.made
        if not report.account:
            self._voice.reject(event, Reason.MISSING_FIELD, f"account: expected that of order {report.order_id}, found none")
            return self._voice.made
        account, cause = self._account(report.account), report_cause(event)
        account.memory.now_ns = max(account.memory.now_ns, event.time_ns)
        waiting = account.memory.for_fill.get(report.symbol or "")
        if waiting:
            self._expire(account, waiting, event.time_ns)
        if report.exec_type not in BY_FILL:
            self._submit(account, report.order_id or "", cause)
            return self._voice.made
        key = fill_key(report.venue, report.symbol, report.reference_execution_id)
        order_id = account.fills.get(key)
        if order_id is not None:
            before = account.orders[order_id].filled
            self._submit(account, order_id, cause)
            self._amend(account.orders[order_id], before, event)
        else:
            self._wait(account.memory.for_fill.setdefault(report.symbol or "", Waiting()), key, cause)
        return self._voice.made

    def on_split(self, split: Split, place: Place) -> OrdersOutput:
        """Adjust what was ordered before it, here and in what comes later; one that is known changes nothing.

        One without a time (0) adjusts what is here.
        """
        self._begin(place)
        if not self._splits.is_new(split):
            return self._voice.made
        for account in self._accounts.values():
            for order_id in account.order_ids():
                self._submit_split(account, order_id, split)
        return self._voice.made

    def on_control(self, control: Control) -> OrdersOutput:
        """Take a limit, an instrument or a trading state; again changes nothing. A halt asks for the cancel of what is open."""
        self._begin(control.place)
        self.checks.put(control)
        if not self.checks.trading.is_active:
            for account in self._accounts.values():
                for order_id in list(account.orders) if self.checks.trading.halt_of(account.name) else []:
                    self._halt(account, order_id)
        return self._voice.made

    def on_watermark(self, time_ns: int) -> OrdersOutput:
        """No earlier event will come. At the end of time nothing waits any longer."""
        self._begin(Place("", 0, 0))
        for account in self._accounts.values():
            if time_ns == END_OF_TIME_NS:
                for order_id, script in list(account.memory.scripts.items()):
                    self._leave(account, order_id, script)
            for waiting in (account.memory.for_order, *account.memory.for_fill.values()):
                self._expire(account, waiting, time_ns)
        return self._voice.made

    def adopt(self, updates: Iterable[tuple[str, OrderUpdate]]) -> None:
        """Take as said what was published: (event id, payload) in the order of each account; what the state knows is passed over."""
        self._has_resumed = True
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
            script.add(event_id, update.version)
            identity = event_id.removeprefix(update_id(update.account, update.order_id, ""))
            if is_decision(identity):
                script.reasons[event_id] = update.reason
            if identity.startswith("halt|"):
                script.hold(event_id, said_halt(identity, update.reason))

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        return {
            "version": 1,
            "splits": self._splits.stored(),
            "checks": self.checks.stored(),
            "accounts": {name: account.stored() for name, account in self._accounts.items()},
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot, on a book that has seen nothing."""
        self._splits = Splits(stored["splits"])
        if "checks" in stored:
            self.checks.load(stored["checks"])
        self._accounts = {name: Account.from_stored(name, one) for name, one in stored["accounts"].items()}
        self._has_resumed = True

    def _begin(self, place: Place) -> None:
        """The next input, which is this record. What was said of halts needs no input to be made again."""
        self._voice.begin(place)
        if self._has_resumed:
            self._has_resumed = False
            for account in self._accounts.values():
                for order_id, script in list(account.memory.scripts.items()):
                    self._follow(account, order_id, script)

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
            said = account.verdict(update_id(account.name, order_id, cause.identity)) if account.memory.said else None
            self._apply(account, order_id, cause, said)
            return
        script.hold(update_id(account.name, order_id, cause.identity), cause)
        self._follow(account, order_id, script)

    def _follow(self, account: Account, order_id: str, script: Script) -> None:
        """Apply what has its turn."""
        while due := script.next():
            self._apply(account, order_id, due, script.verdict(update_id(account.name, order_id, due.identity)))
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
        account.memory.said |= {update: script.reasons.get(update) for update in script.said[:SAID_KEPT]}
        while len(account.memory.said) > SAID_KEPT:
            del account.memory.said[next(iter(account.memory.said))]
        for cause in script.held.values():
            self._submit(account, order_id, cause)
        self._halt(account, order_id)

    def _apply(self, account: Account, order_id: str, cause: Cause, said: Verdict | None) -> None:
        account.touch(order_id)
        order = account.orders.get(order_id)
        if cause.command:
            self._command(account, order_id, order, cause, cause.command, said)
        elif cause.report:
            self._report(account, order_id, order, cause, cause.report)
        elif cause.split and order and (reason := apply_split(order, cause.split)):
            self._voice.say(account, order, cause, News(EventType.ORDER_REPLACED, reason))
        elif cause.halt and order and apply_halt(order, cause.halt):
            self._voice.say(account, order, cause, News(EVENT_TYPE_OF[order.status], cause.halt.reason))
        order = account.orders.get(order_id)
        if order:
            account.settle(order)
            if not self.checks.trading.is_active:
                self._halt(account, order_id)

    def _command(
        self, account: Account, order_id: str, order: Order | None, cause: Cause, event: Event[OrderCommand], said: Verdict | None
    ) -> None:
        command = event.payload
        if command.command == "place":
            self._open(account, order_id, order, cause, event, said)
        elif command.command == "cancel_all":
            if order and command.symbol in (None, order.symbol) and ask_cancel(order) is None:
                self._voice.say(account, order, cause, News(EVENT_TYPE_OF[order.status]))
        elif order is None:
            unknown = f"unknown order {order_id} for account {account.name}"
            self._voice.answer(account, order_id, cause, event, EventType.ORDER_CANCEL_REJECTED, unknown)
        else:
            reason = ask_cancel(order) if command.command == "cancel" else self._replace(account, order, event, said)
            self._voice.say(account, order, cause, News(EventType.ORDER_CANCEL_REJECTED if reason else EVENT_TYPE_OF[order.status], reason))

    def _replace(self, account: Account, order: Order, event: Event[OrderCommand], said: Verdict | None) -> str | None:
        """Ask for other terms; why not, where they cannot be, or are refused before they leave."""
        before = most_open(order)
        reason = ask_replace(order, event)
        if reason is None:
            reason = self._checked(account, order, before, event.time_ns, said)
            if reason is not None:
                order.requests.pop()
        return reason

    def _checked(self, account: Account, order: Order, before: Decimal, time_ns: int, said: Verdict | None) -> str | None:
        """Why the checks refuse what an order asks for; what was published of it holds."""
        if said is not None and said.reason is not None:
            return said.reason
        if self.checks.are_idle:
            return None
        return self.checks.refusal(account.open, order, before, time_ns, is_decided=said is not None)

    def _open(
        self, account: Account, order_id: str, order: Order | None, cause: Cause, event: Event[OrderCommand], said: Verdict | None
    ) -> None:
        if order:
            used = f"order id {order_id} was used before by another placing"
            self._voice.answer(account, order_id, cause, event, EventType.ORDER_REJECTED, used)
            return
        order = placed(event.payload, order_id, event.header.correlation_id, event.time_ns)
        reason = wrong_with(order) or self._checked(account, order, ZERO, event.time_ns, said)
        if reason:
            order.ended = Status.REJECTED
        account.orders[order_id] = order
        event_type = EventType.ORDER_REJECTED_CRITICAL if is_hard(reason) else EVENT_TYPE_OF[order.status]
        self._voice.say(account, order, cause, News(event_type, reason))
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
            self._voice.reject(event, outcome.reason, outcome.detail)
            return
        if not is_fill:
            order.remember(cause.identity)
        if outcome:
            self._voice.say(account, order, cause, outcome)
        if event is self._counts:
            signed = signed_quantity(report, order.ratio_since(event.time_ns))
            self.checks.positions.on_report(order.account, order.symbol or "", event.header.event_id, signed, event.time_ns)
        if is_fill or (report.exec_type is ExecType.CORRECT and report.execution_id):
            for waiting in account.index(order, report):
                self._submit(account, order_id, waiting)

    def _halt(self, account: Account, order_id: str) -> None:
        """Ask for the cancel of an open order whose account is halted. What was said of an order before a crash comes first."""
        halt, order = self.checks.trading.halt_of(account.name), account.orders.get(order_id)
        key = next_asking(order, halt) if halt and order and order_id not in account.memory.scripts else None
        if halt and key:
            now_ns = max(account.memory.now_ns, self.checks.prices.time_ns)
            self._apply(account, order_id, halt_cause(halt, key, now_ns), None)

    def _submit_split(self, account: Account, order_id: str, split: Split) -> None:
        order = account.orders.get(order_id)
        if order is None or concerns(order, split):
            self._submit(account, order_id, Cause(split.identity, split=split))

    def _move(self, event: Event[ExecutionReport], account: str, symbol: str, order_id: str | None) -> None:
        """A fill or transfer changes a position, whether its order is known or not. That of a known order counts when it is applied."""
        owner, report = self._accounts.get(account), event.payload
        self._counts = event if owner and order_id in owner.orders and order_id not in owner.memory.scripts else None
        if self._counts is not None:
            return
        key = fill_key(report.venue, symbol, report.execution_id)
        if (owner and key in owner.fills) or not self.checks.positions.is_new(account, symbol, key):
            return
        signed = signed_quantity(report, self._splits.ratio_since(symbol, event.time_ns))
        self.checks.positions.on_report(account, symbol, event.header.event_id, signed, event.time_ns)

    def _amend(self, order: Order, before: Decimal, event: Event[ExecutionReport]) -> None:
        """A bust or correction changes a position by what it changed of its order."""
        changed = EXACT.subtract(order.filled, before)
        signed = changed if order.side == "buy" else changed.copy_negate()
        self.checks.positions.on_report(order.account, order.symbol or "", event.header.event_id, signed, event.time_ns)

    def _wait(self, waiting: Waiting, name: str, cause: Cause) -> None:
        gone = waiting.add(name, cause)
        if gone:
            self._voice.orphan(gone, "too many reports wait")

    def _expire(self, account: Account, waiting: Waiting, time_ns: int) -> None:
        for cause in waiting.expire(time_ns - self._wait_ns):
            account.touch()
            self._voice.orphan(cause, "none came in time")
