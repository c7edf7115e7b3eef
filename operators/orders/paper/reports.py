"""Reports of the paper exchange: made with ids that say what they decide, and read again after a crash.

    eventId = exec|account|orderId|n|cause        executionId = orderId-n

n counts the reports of an order; the cause of a fill is its tick (partition-offset-index), of an answer the event that asked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from operators.orders.paper.requests import is_number
from operators.orders.paper.resting import Key, Resting, TickPlace
from schemas.events import LANES, Event, EventType, Header, Place, RawEnvelope
from schemas.orders import ExecType, ExecutionReport
from schemas.symbols import MAX_SYMBOL_BYTES
from schemas.times import MAX_TIME_NS, format_time, parse_time

SOURCE = "paper"

Report = Event[ExecutionReport]


class Cause(NamedTuple):
    """Why something is reported."""

    name: str
    correlation_id: str
    time_ns: int
    place: Place
    """Of the record that made it happen."""


class Said(NamedTuple):
    """A report that was published."""

    key: Key
    number: int
    cause: str
    report: ExecutionReport
    time_ns: int

    @property
    def tick(self) -> TickPlace:
        """Of a fill."""
        partition, offset, index = self.cause.split("-", 2)
        return int(partition), int(offset), int(index)


def tick_name(place: TickPlace) -> str:
    """The cause of what a tick made."""
    return "-".join(map(str, place))


def report(venue: str, key: Key, symbol: str, number: int, cause: Cause, exec_type: ExecType, **fields: Any) -> Report:
    """A report; number 0 is of an order that the exchange does not know, which has no count."""
    account, order_id = key
    time_ns = min(cause.time_ns, MAX_TIME_NS - 1)
    when = format_time(time_ns)
    header = Header(
        event_id=f"exec|{account}|{order_id}|{number}|{cause.name}",
        correlation_id=cause.correlation_id,
        event_type=EventType.EXECUTION_REPORT.value,
        priority=int(LANES[EventType.EXECUTION_REPORT]),
        timestamp=when,
        source=SOURCE,
    )
    payload = ExecutionReport(
        exec_type=exec_type,
        account=account,
        symbol=symbol if 0 < len(symbol.encode("utf-8", "surrogatepass")) <= MAX_SYMBOL_BYTES else None,
        venue=venue,
        order_id=order_id,
        execution_id=f"{order_id}-{number or cause.name}",
        timestamp=when,
        **fields,
    )
    return Event(header, payload, time_ns, cause.place)


def terms_of(order: Resting) -> dict[str, Any]:
    """An order's own fields in a report; what is no number is left out."""
    return {
        "side": order.side,
        "quantity": _number(order.quantity, least=Decimal(0)),
        "price": _number(order.price),
        "stop_price": _number(order.stop_price),
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "cumulative_quantity": order.filled,
    }


def _number(value: Decimal | None, least: Decimal | None = None) -> Decimal | None:
    return value if value is not None and is_number(value) and (least is None or value > least) else None


_decode = msgspec.json.Decoder(ExecutionReport).decode


def read_said(event: RawEnvelope, venue: str) -> Said | None:
    """A report as we made it; None: it is another venue's, or no report of ours."""
    try:
        found = _decode(event.payload)
        time_ns = parse_time(event.header.timestamp)
    except (msgspec.DecodeError, ValueError):
        return None
    prefix = f"exec|{found.account}|{found.order_id}|"
    number, _, cause = event.header.event_id.removeprefix(prefix).partition("|")
    if found.venue != venue or not event.header.event_id.startswith(prefix) or not number.isdecimal():
        return None
    return Said((found.account or "", found.order_id or ""), int(number), cause, found, time_ns)
