"""A trading desk with one order book: says commands and reports in a line each, keeps what came out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from operators.orders.causes import Split
from operators.orders.lifecycle import OrderBook
from operators.orders.saying import OrdersOutput
from operators.orders.settings import OrdersSettings
from schemas.dead_letters import Reject
from schemas.events import Event, Header, Place
from schemas.orders import ExecType, ExecutionReport, OrderCommand, OrderUpdate

SECOND_NS = 1_000_000_000


def command_event(payload: OrderCommand, number: int, time_ns: int | None = None) -> Event[OrderCommand]:
    """Number: of its record; it is also its second."""
    return event_of("orders.commands", "ORDER_COMMAND", payload, number, time_ns)


def report_event(payload: ExecutionReport, number: int, time_ns: int | None = None) -> Event[ExecutionReport]:
    return event_of("orders.events", "EXECUTION_REPORT", payload, number, time_ns)


def event_of(topic: str, event_type: str, payload: Any, number: int, time_ns: int | None) -> Event[Any]:
    when = number * SECOND_NS if time_ns is None else time_ns
    return Event(Header(f"{topic}-{number}", f"c-{topic}-{number}", event_type, 2, when, "test"), payload, when, Place(topic, 0, number))


def content(event: Event[OrderUpdate]) -> str:
    """An update as it stands on the wire."""
    return msgspec.json.encode(event.envelope).decode()


class Desk:
    """Everything is about account A, order X of AMZN, buy, unless it says otherwise."""

    def __init__(self, unknown_after_s: int = 60) -> None:
        self.book = OrderBook(OrdersSettings(unknown_after_ns=unknown_after_s * SECOND_NS))
        self.updates: list[Event[OrderUpdate]] = []
        self.rejects: list[Reject] = []
        self.number = 0

    def take(self, made: OrdersOutput) -> list[Event[OrderUpdate]]:
        self.updates += made.updates
        self.rejects += made.rejects
        return made.updates

    def command(self, command: str, time_ns: int | None = None, **fields: Any) -> list[Event[OrderUpdate]]:
        self.number += 1
        values = {"account": "A", **({} if command == "cancel_all" else {"order_id": "X"}), **numbers(fields)}
        return self.take(self.book.on_command(command_event(OrderCommand(command=command, **values), self.number, time_ns)))  # type: ignore[arg-type]

    def place(self, quantity: str = "100", price: str | None = "50", **fields: Any) -> list[Event[OrderUpdate]]:
        return self.command("place", **{"symbol": "AMZN", "side": "buy", "quantity": quantity, "price": price, **fields})

    def report(self, exec_type: str, time_ns: int | None = None, **fields: Any) -> list[Event[OrderUpdate]]:
        self.number += 1
        values = {"account": "A", "symbol": "AMZN", "order_id": "X", "execution_id": f"e{self.number}", **numbers(fields)}
        payload = ExecutionReport(exec_type=ExecType(exec_type), **values)
        return self.take(self.book.on_report(report_event(payload, self.number, time_ns)))

    def fill(self, quantity: str, price: str = "50", **fields: Any) -> list[Event[OrderUpdate]]:
        return self.report("fill", **{"side": "buy", "quantity": quantity, "price": price, **fields})

    def split(self, ratio: str, identity: str = "split") -> list[Event[OrderUpdate]]:
        self.number += 1
        split = Split(identity, "AMZN", Decimal(ratio), self.number * SECOND_NS)
        return self.take(self.book.on_split(split, Place("control.actions", 0, 0)))

    def wait(self, time_ns: int) -> list[Event[OrderUpdate]]:
        return self.take(self.book.on_watermark(time_ns))

    @property
    def last(self) -> Any:
        """Payload of the last update."""
        return self.updates[-1].payload

    @property
    def reasons(self) -> list[str]:
        return [reject.reason.value for reject in self.rejects]


def numbers(fields: dict[str, Any]) -> dict[str, Any]:
    """Texts of quantities and prices as decimals."""
    are = ("quantity", "price", "stop_price", "cumulative_quantity")
    return {name: Decimal(value) if name in are and value is not None else value for name, value in fields.items()}
