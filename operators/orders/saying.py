"""What the order book says: updates of orders, answers to commands about none, dead letters."""

from __future__ import annotations

import msgspec

from operators.orders.account import Account
from operators.orders.causes import Cause, update_id
from operators.orders.order import Order, placed
from operators.orders.reports import News
from schemas.dead_letters import Reason, Reject
from schemas.event_reading import reject_event
from schemas.events import LANES, Event, EventType, Header, Place
from schemas.orders import ExecType, ExecutionReport, OrderCommand, OrderUpdate, Status
from schemas.times import format_time
from schemas.topics import Lane

SOURCE = "orders"

BY_FILL = frozenset({ExecType.BUST, ExecType.CORRECT})
"""Reports that are about a fill, and may name no order."""


class OrdersOutput(msgspec.Struct, gc=False):
    """What one input made, by topic."""

    updates: list[Event[OrderUpdate]] = []
    rejects: list[Reject] = []
    alerts: list[Event[OrderUpdate]] = []
    """Those of the updates that are critical."""


class Voice:
    """Collects what one input makes.

    Attributes:
        made: so far.
    """

    def __init__(self) -> None:
        self.made = OrdersOutput()
        self._place = Place("", 0, 0)

    def begin(self, place: Place) -> None:
        """The next input, which is this record."""
        self.made, self._place = OrdersOutput(), place

    def say(self, account: Account, order: Order, cause: Cause, news: News) -> None:
        """An update of an order."""
        order.version += 1
        update = order.update(news.reason, news.last_quantity, news.last_price)
        self._emit(account, cause, news.event_type, update, order.correlation_id)

    def answer(self, account: Account, order_id: str, cause: Cause, event: Event[OrderCommand], event_type: EventType, reason: str) -> None:
        """Refuse a command that is about no order of ours; an order of that id stays as it is."""
        asked = placed(event.payload, order_id, "", 0)
        asked.ended = Status.REJECTED
        if event.payload.command != "place":
            asked.order_type = asked.time_in_force = None
        self._emit(account, cause, event_type, asked.update(reason), event.header.correlation_id)

    def orphan(self, cause: Cause, why: str) -> None:
        """Nobody came for a report. A bust or correction that names no order is the portfolio's alone."""
        event = cause.report
        if event is None or not event.payload.order_id:
            return
        report = event.payload
        what = f"fill {report.reference_execution_id}" if report.exec_type in BY_FILL else f"order {report.order_id}"
        self.reject(event, Reason.ORPHAN, f"expected {what} of account {report.account}, found none: {why}")

    def reject(self, event: Event[ExecutionReport], reason: Reason, detail: str) -> None:
        """A dead letter."""
        self.made.rejects.append(reject_event(event, reason, detail))

    def _emit(self, account: Account, cause: Cause, event_type: EventType, update: OrderUpdate, correlation_id: str) -> None:
        event_id = update_id(account.name, update.order_id, cause.identity)
        if event_id in account.memory.said:
            return
        lane = LANES[event_type]
        header = Header(event_id, correlation_id, event_type.value, int(lane), format_time(cause.time_ns), SOURCE)
        event = Event(header, update, cause.time_ns, self._place)
        self.made.updates.append(event)
        if lane is Lane.CRITICAL:
            self.made.alerts.append(event)
