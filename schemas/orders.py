"""Orders, in the words of FIX: what is commanded, what a venue reports, and where an order stands.

A quantity is in units of the instrument, a price in its currency per unit; both are decimals, text or JSON number on the wire.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from schemas.control import Id
from schemas.events import EventType, Payload, Time
from schemas.market import Symbol

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market", "stop", "stop_limit"]
TimeInForce = Literal["day", "gtc", "ioc", "fok", "DAY", "GTC", "IOC", "FOK"]
"""Written either way, handed on as it was written."""

Amount = Annotated[Decimal, Meta(description="decimal text or JSON number")]


class OrderCommand(Payload, frozen=True):
    """ORDER_COMMAND on ``orders.commands``: place, cancel or replace an order, or cancel all of an account, of a symbol, or of both."""

    command: Literal["place", "cancel", "replace", "cancel_all"]
    account: Id | None = None
    """Of all but a ``cancel_all`` of a symbol, which may be of all accounts."""
    order_id: Id | None = None
    """Of all but ``cancel_all``. The id stays when the order is replaced."""
    idempotency_key: str | None = None
    """A command with a key that was used before changes nothing; null: the event's own id is the key."""
    symbol: Symbol | None = None
    side: Side | None = None
    quantity: Amount | None = None
    order_type: OrderType | None = None
    """Of ``place``; null: ``limit`` where there is a price, else ``market``."""
    price: Amount | None = None
    stop_price: Amount | None = None
    time_in_force: TimeInForce | None = None
    """Of ``place``; null: ``day``."""
    strategy: str | None = None
    user: str | None = None
    timestamp: Time | None = None


class ExecType(StrEnum):
    """What an execution report says happened."""

    NEW = "new"
    FILL = "fill"
    CANCELED = "canceled"
    REPLACED = "replaced"
    REJECTED = "rejected"
    CANCEL_REJECTED = "cancel_rejected"
    REPLACE_REJECTED = "replace_rejected"
    EXPIRED = "expired"
    DONE_FOR_DAY = "done_for_day"
    SUSPENDED = "suspended"
    PENDING_NEW = "pending_new"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    BUST = "bust"
    """The fill ``referenceExecutionId`` never was."""
    CORRECT = "correct"
    """The fill ``referenceExecutionId`` was of this quantity, price and fee."""
    TRANSFER = "transfer"
    """A position moved in (``buy``) or out (``sell``) at a price; no order, no cash."""
    CASH = "cash"
    """``amount`` of ``currency`` came (or, below 0, went): deposit, withdrawal, interest, fee."""


class ExecutionReport(Payload, frozen=True, forbid_unknown_fields=False):
    """EXECUTION_REPORT on ``orders.events``. Unknown fields of a foreign venue pass."""

    exec_type: ExecType
    account: Id | None = None
    """Without one a report reaches no order and no position: it becomes a dead letter."""
    symbol: Symbol | None = None
    venue: str | None = None
    order_id: str | None = None
    execution_id: str | None = None
    """With account, venue and symbol it names a fill for ever: a second report of it is a duplicate."""
    reference_execution_id: str | None = None
    side: Side | None = None
    quantity: Amount | None = None
    """Of this fill, or of the order (``new``, ``replaced``)."""
    price: Amount | None = None
    stop_price: Amount | None = None
    order_type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    cumulative_quantity: Amount | None = None
    """Filled so far, as the venue counts."""
    fee: Amount = Decimal(0)
    """Below 0: a rebate."""
    fee_currency: str | None = None
    """null: the instrument's."""
    amount: Amount | None = None
    currency: str | None = None
    reason: str | None = None
    timestamp: Time | None = None


class Status(StrEnum):
    """OrdStatus of FIX."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    DONE_FOR_DAY = "DONE_FOR_DAY"


EVENT_TYPE_OF = {
    Status.PENDING_NEW: EventType.ORDER_PENDING,
    Status.PENDING_CANCEL: EventType.ORDER_PENDING,
    Status.PENDING_REPLACE: EventType.ORDER_PENDING,
    Status.SUSPENDED: EventType.ORDER_PENDING,
    Status.NEW: EventType.ORDER_PLACED,
    Status.PARTIALLY_FILLED: EventType.ORDER_PARTIAL_FILL,
    Status.FILLED: EventType.ORDER_FILLED,
    Status.CANCELED: EventType.ORDER_CANCELLED,
    Status.EXPIRED: EventType.ORDER_EXPIRED,
    Status.DONE_FOR_DAY: EventType.ORDER_EXPIRED,
    Status.REJECTED: EventType.ORDER_REJECTED,
}
"""Type of the event that says an order reached a status. What was refused, replaced or overfilled has a type of its own."""


class OrderUpdate(Payload, frozen=True):
    """On ``orders.updates``: where an order stands after something happened to it.

    What another program leaves out has the default shown; ours leaves out nothing.
    """

    order_id: str
    account: str
    symbol: str | None
    side: Side | None
    status: Status
    order_type: OrderType | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    filled_quantity: Decimal = Decimal(0)
    leaves_quantity: Decimal = Decimal(0)
    """Still open; 0 of an order that is done."""
    average_price: Decimal | None = None
    """Of its live fills."""
    last_quantity: Decimal | None = None
    """Of the fill that this is about; null: it is about none."""
    last_price: Decimal | None = None
    venue: str | None = None
    strategy: str | None = None
    user: str | None = None
    reason: str | None = None
    version: int = 0
    """1, 2, ...: counts the updates of the order."""
    requested_quantity: Decimal | None = None
    """While PENDING_REPLACE, as the two that follow."""
    requested_price: Decimal | None = None
    requested_stop_price: Decimal | None = None
