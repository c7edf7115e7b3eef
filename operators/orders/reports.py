"""What an execution report does to an order.

A report that changes nothing says nothing, and nothing said later depends on whether it came: so updates can be made again in the
order in which they were published (``script.py``). Quantities that a report states in the units of its time, before a split, are
converted to today's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from operators.orders.causes import fill_key
from operators.orders.decimals import EXACT, OUTPUT, ZERO
from operators.orders.order import Fill, Order, Request
from operators.orders.transitions import MAY_BE_LATE, may_come
from schemas.dead_letters import Reason
from schemas.events import Event, EventType
from schemas.orders import EVENT_TYPE_OF, ExecType, ExecutionReport, Status

FILLS_KEPT = 10_000
"""Fills of an order that can be busted or corrected, and are known again; older ones are final."""


class News(NamedTuple):
    """An order changed."""

    event_type: EventType
    reason: str | None = None
    last_quantity: Decimal | None = None
    last_price: Decimal | None = None


class Refusal(NamedTuple):
    """A report that cannot have happened to the order."""

    reason: Reason
    detail: str


Outcome = News | Refusal | None


def apply_report(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """Change the order as the report says; None where it says nothing new. A refusal leaves the order alone."""
    report = event.payload
    if not may_come(report.exec_type, order.status):
        return None if report.exec_type in MAY_BE_LATE and event.time_ns < order.last_ns else _illegal(order, report)
    outcome = _APPLY[report.exec_type](order, event)
    if not isinstance(outcome, Refusal):
        order.last_ns = max(order.last_ns, event.time_ns)
    return outcome


def _illegal(order: Order, report: ExecutionReport) -> Refusal:
    return Refusal(
        Reason.TRANSITION, f"order {order.order_id} is {order.status}: expected a report that may follow, found {report.exec_type}"
    )


def _news(order: Order, report: ExecutionReport, event_type: EventType | None = None) -> News:
    order.venue = report.venue or order.venue
    return News(event_type or EVENT_TYPE_OF[order.status], report.reason)


def _pending_new(_order: Order, _event: Event[ExecutionReport]) -> Outcome:
    return None


def _new(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """It works: for the first time, again after a halt, or on the next day (FIX says Restated)."""
    resumes = order.halted is not None and event.time_ns >= order.halted_ns
    first = not order.accepted
    order.working_ns = max(order.working_ns, event.time_ns)
    if resumes:
        order.halted = None
    order.accepted = True
    return _news(order, event.payload) if first or resumes else None


def _halt(order: Order, event: Event[ExecutionReport]) -> Outcome:
    status = Status.SUSPENDED if event.payload.exec_type is ExecType.SUSPENDED else Status.DONE_FOR_DAY
    if order.halted is status or event.time_ns < max(order.working_ns, order.halted_ns):
        return None
    order.halted, order.halted_ns, order.accepted = status, event.time_ns, True
    return _news(order, event.payload)


def _pending_cancel(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """The venue has the request, ours or somebody else's."""
    if order.cancel_pending or event.time_ns < order.answered_ns:
        return None
    order.cancel_pending = True
    return _news(order, event.payload)


def _pending_replace(order: Order, event: Event[ExecutionReport]) -> Outcome:
    if order.requests or event.time_ns < order.answered_ns:
        return None
    report = event.payload
    order.requests.append(Request(report.quantity, report.price, report.stop_price))
    return _news(order, report)


def _end(order: Order, event: Event[ExecutionReport]) -> Outcome:
    report = event.payload
    status = {ExecType.CANCELED: Status.CANCELED, ExecType.EXPIRED: Status.EXPIRED}.get(report.exec_type, Status.REJECTED)
    if order.ended is status:
        return None
    if order.ended is not None or (status is Status.REJECTED and order.filled > 0):
        return _illegal(order, report)
    order.ended, order.halted, order.cancel_pending = status, None, False
    order.requests.clear()
    is_ours = order.by_system and status is Status.CANCELED
    return _news(order, report, EventType.ORDER_CANCELLED_SYSTEM if is_ours else None)


def _replaced(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """New terms, as the report states them, else as they were asked for; below what is filled the quantity is amended to that (C.3.c)."""
    report = event.payload
    stated = Request(report.quantity, report.price, report.stop_price)
    if not order.requests and stated == Request(None, None, None):
        return _illegal(order, report)
    asked = order.requests.pop(_named(order, stated, 0)) if order.requests else stated
    quantity, price, stop = _merged(stated, asked)
    if quantity is not None:
        order.quantity = max(quantity, order.filled)
    order.price = order.price if price is None else price
    order.stop_price = order.stop_price if stop is None else stop
    order.accepted = True
    return _news(order, report, EventType.ORDER_REPLACED)


def _merged(stated: Request, asked: Request) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return (
        asked.quantity if stated.quantity is None else stated.quantity,
        asked.price if stated.price is None else stated.price,
        asked.stop_price if stated.stop_price is None else stated.stop_price,
    )


def _named(order: Order, stated: Request, otherwise: int) -> int:
    """Which of the pending replaces an answer speaks of: the one whose terms it states."""
    for at, asked in enumerate(order.requests):
        if (stated.quantity is not None or stated.price is not None) and _merged(stated, asked) == _merged(asked, asked):
            return at
    return otherwise


def _cancel_rejected(order: Order, event: Event[ExecutionReport]) -> Outcome:
    if not order.cancel_pending:  # FIX has one message, Order Cancel Reject, for both
        return _replace_rejected(order, event)
    order.cancel_pending = order.by_system = False
    return _refused(order, event)


def _replace_rejected(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """The newest of several, unless its terms are stated: a venue that refuses does so because one is pending (D.2.c)."""
    report = event.payload
    if not order.requests:
        return _illegal(order, report)
    order.requests.pop(_named(order, Request(report.quantity, report.price, report.stop_price), -1))
    return _refused(order, event)


def _refused(order: Order, event: Event[ExecutionReport]) -> News:
    order.answered_ns = max(order.answered_ns, event.time_ns)
    return _news(order, event.payload, EventType.ORDER_CANCEL_REJECTED)


def _fill(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """Always applies: the position is real."""
    report = event.payload
    if report.symbol != order.symbol or report.side != order.side:
        found, expected = f"{report.side} {report.symbol}", f"{order.side} {order.symbol}"
        return Refusal(Reason.EXECUTION, f"order {order.order_id}: expected a fill of {expected}, found {found}")
    ratio = order.ratio_since(event.time_ns)
    quantity, price, notional = _in_units_of_today(report, ratio)
    order.fills[fill_key(report.venue, report.symbol, report.execution_id)] = Fill(quantity, notional, event.time_ns)
    order.add(quantity, notional)
    order.accepted = True
    if order.ended is Status.REJECTED:
        order.ended = None
    if order.halted is Status.DONE_FOR_DAY and order.is_lasting and event.time_ns >= order.halted_ns:
        order.halted = None
    return _told(order, report, quantity, price)


def _bust(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """The fill never was; the status may go back."""
    fill = find_fill(order, event.payload)
    if not fill.live:
        return _dead(order, event.payload)
    fill.live = False
    order.add(-fill.quantity, -fill.notional)
    return _news(order, event.payload)


def _correct(order: Order, event: Event[ExecutionReport]) -> Outcome:
    """The fill was of this quantity and price, in the units of the fill's time."""
    report = event.payload
    fill = find_fill(order, report)
    if not fill.live:
        return _dead(order, report)
    quantity, price, notional = _in_units_of_today(report, order.ratio_since(fill.time_ns))
    order.add(EXACT.subtract(quantity, fill.quantity), EXACT.subtract(notional, fill.notional))
    fill.quantity, fill.notional = quantity, notional
    if report.execution_id:
        fill.names.append(fill_key(report.venue, report.symbol, report.execution_id))
    return _told(order, report, quantity, price)


def _in_units_of_today(report: ExecutionReport, ratio: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    quantity, price = report.quantity or ZERO, report.price or ZERO
    notional = EXACT.multiply(quantity, price)
    return (quantity, price, notional) if ratio == 1 else (EXACT.multiply(quantity, ratio), OUTPUT.divide(price, ratio), notional)


def _told(order: Order, report: ExecutionReport, quantity: Decimal, price: Decimal) -> News:
    news = _news(order, report, EventType.ORDER_OVERFILL if order.is_overfilled else None)
    return news._replace(last_quantity=quantity, last_price=price)


def _dead(order: Order, report: ExecutionReport) -> Refusal:
    detail = f"order {order.order_id}: expected a live fill {report.reference_execution_id}, found one that is busted"
    return Refusal(Reason.TRANSITION, detail)


def find_fill(order: Order, report: ExecutionReport) -> Fill:
    """The fill that a bust or correction is about, named by its own id or by that of a correction of it.

    Raises:
        StopIteration: the order has none of that id.
    """
    key = fill_key(report.venue, report.symbol, report.reference_execution_id)
    if key in order.fills:
        return order.fills[key]
    return next(fill for fill in order.fills.values() if key in fill.names)


_APPLY = {
    ExecType.PENDING_NEW: _pending_new,
    ExecType.NEW: _new,
    ExecType.SUSPENDED: _halt,
    ExecType.DONE_FOR_DAY: _halt,
    ExecType.PENDING_CANCEL: _pending_cancel,
    ExecType.PENDING_REPLACE: _pending_replace,
    ExecType.CANCELED: _end,
    ExecType.EXPIRED: _end,
    ExecType.REJECTED: _end,
    ExecType.REPLACED: _replaced,
    ExecType.CANCEL_REJECTED: _cancel_rejected,
    ExecType.REPLACE_REJECTED: _replace_rejected,
    ExecType.FILL: _fill,
    ExecType.BUST: _bust,
    ExecType.CORRECT: _correct,
}
