"""What is asked of the paper exchange: read from ``orders.updates``, checked, and kept until it takes effect.

An update asks for something if its status is PENDING_NEW, PENDING_CANCEL or PENDING_REPLACE and no report caused it; all others are
echoes of what the exchange itself reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from operators.orders.causes import is_echo
from operators.orders.paper.resting import Key, Resting
from schemas.errors import RejectedRecord
from schemas.events import Event, EventType
from schemas.numbers import check_finite
from schemas.orders import OrderUpdate, Status
from schemas.symbols import SYMBOLS

Kind = Literal["place", "cancel", "replace", "enter", "expire", "split"]

_KINDS: dict[Status, Kind] = {Status.PENDING_NEW: "place", Status.PENDING_CANCEL: "cancel", Status.PENDING_REPLACE: "replace"}

_ANSWERS = (EventType.ORDER_CANCEL_REJECTED, EventType.ORDER_REPLACED, EventType.ORDER_OVERFILL)
"""Types of updates that tell of an answer while another request is pending."""


class Request(msgspec.Struct, array_like=True, frozen=True):
    """Something that takes effect at its time. ``enter``, ``expire`` and ``split`` are the exchange's own."""

    kind: Kind
    account: str = ""
    order_id: str = ""
    symbol: str = ""
    event_id: str = ""
    correlation_id: str = ""
    time_ns: int = 0
    """When it was asked."""
    due_ns: int = 0
    seq: int = 0
    quantity: Decimal | None = None
    """Of a split the ratio."""
    price: Decimal | None = None
    stop_price: Decimal | None = None

    @property
    def key(self) -> Key:
        """Of its order."""
        return self.account, self.order_id

    @property
    def turn(self) -> tuple[int, int]:
        """Its place among all."""
        return self.due_ns, self.seq


def read_request(event: Event[OrderUpdate]) -> Request | None:
    """What an update asks for; None: nothing."""
    update = event.payload
    kind = _KINDS.get(update.status)
    if kind is None or update.last_quantity is not None or event.header.event_type in _ANSWERS or is_echo(event.header.event_id):
        return None
    return Request(
        kind,
        update.account,
        update.order_id,
        update.symbol or "",
        event.header.event_id,
        event.header.correlation_id,
        event.time_ns,
        quantity=update.requested_quantity,
        price=update.requested_price,
        stop_price=update.requested_stop_price,
    )


def fill_in(order: Resting, event: Event[OrderUpdate]) -> None:
    """Give an order what its PENDING_NEW says, as far as nothing later was published."""
    update = event.payload
    order.symbol = update.symbol or ""
    order.side = update.side
    order.order_type = update.order_type or ("market" if update.price is None else "limit")
    order.time_in_force = (update.time_in_force or "day").lower()
    order.correlation_id = event.header.correlation_id
    order.topic, order.partition, order.offset = event.place
    if order.quantity is None:
        order.quantity, order.price, order.stop_price = update.quantity, update.price, update.stop_price
        order.terms_ns = event.time_ns


def fault_of_symbol(symbol: str) -> str | None:
    """Why ticks of a symbol cannot be known."""
    if not symbol:
        return "symbol: expected one, found none"
    try:
        SYMBOLS.code(symbol)
    except RejectedRecord as error:
        return f"symbol: {error}"
    return None


def fault_of_order(order: Resting) -> str | None:
    """Why an order cannot be matched; None: it can."""
    symbol = fault_of_symbol(order.symbol)
    return symbol or next(_faults(order), None)


def _faults(order: Resting) -> Iterator[str]:
    if order.side is None:
        yield "side: expected buy or sell, found none"
    has_limit, has_stop = order.order_type in ("limit", "stop_limit"), order.order_type in ("stop", "stop_limit")
    for field, value, is_needed in (
        ("quantity", order.quantity, True),
        ("price", order.price, has_limit),
        ("stopPrice", order.stop_price, has_stop),
    ):
        if value is None:
            if is_needed:
                yield f"{field}: expected one in a {order.order_type} order, found none"
        elif not is_number(value):
            yield f"{field}: expected a finite number, found {value}"
    if order.quantity is not None and order.quantity <= 0:
        yield f"quantity: expected more than 0, found {order.quantity}"


def fault_of_replace(order: Resting, request: Request) -> str | None:
    """Why an order cannot become what is requested; None: it can."""
    for field, value in (("quantity", request.quantity), ("price", request.price), ("stopPrice", request.stop_price)):
        if value is not None and not is_number(value):
            return f"{field}: expected a finite number, found {value}"
    if request.quantity is not None and request.quantity <= order.filled:
        return f"quantity: expected more than the {order.filled} that are filled, found {request.quantity}"
    if request.price is not None and order.is_market:
        return f"price: expected none in a {order.order_type} order, found {request.price}"
    if request.stop_price is not None and request.stop_price != order.stop_price and not order.is_stop:
        return f"stopPrice: expected none in an order that waits for no stop price, found {request.stop_price}"
    return None


def is_number(value: Decimal) -> bool:
    """Whether it can be computed with."""
    try:
        check_finite("", value)
    except RejectedRecord:
        return False
    return True
