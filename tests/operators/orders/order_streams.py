"""Random streams of commands, reports and splits, each in its own order, and ways to put them together."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from operators.orders.causes import Split
from operators.orders.lifecycle import OrderBook
from operators.orders.saying import OrdersOutput
from schemas.events import Event, Place
from schemas.orders import ExecType, ExecutionReport, OrderCommand
from tests.operators.orders.desk import SECOND_NS, command_event, report_event

Input = Event[Any] | Split | int
"""An int is a watermark."""

REPORTS = (
    *("new", "fill", "fill", "fill", "canceled", "cancel_rejected", "replaced", "replace_rejected", "pending_cancel", "pending_replace"),
    *("expired", "done_for_day", "suspended", "rejected", "bust", "correct", "pending_new", "new"),
)


def commands(rng: random.Random, count: int, orders: int) -> list[Event[OrderCommand]]:
    """Mostly sensible, with repeats, unknown orders and refusals."""
    made = []
    for number in range(1, count + 1):
        order_id, account = f"o{rng.randrange(orders)}", rng.choice("AB")
        verb = rng.choice(("place", "place", "place", "cancel", "replace", "replace", "cancel_all"))
        fields: dict[str, Any] = {"idempotency_key": rng.choice((None, None, f"k{rng.randrange(count)}"))}
        if verb == "place":
            fields |= {"symbol": "AMZN", "side": "buy", "price": Decimal(50), "time_in_force": rng.choice(("day", "gtc"))}
        if verb in ("place", "replace"):
            fields["quantity"] = Decimal(rng.choice((10, 20, 30)))
        if verb != "cancel_all":
            fields["order_id"] = order_id
        made.append(command_event(OrderCommand(command=verb, account=account, **fields), number))  # type: ignore[arg-type]
    return made


def reports(rng: random.Random, count: int, orders: int) -> list[Event[ExecutionReport]]:
    """Anything may follow anything; some come twice, some without an id, some before what they speak of."""
    made: list[Event[ExecutionReport]] = []
    for number in range(1, count + 1):
        if made and rng.random() < 0.1:
            earlier = rng.choice(made)
            made.append(report_event(earlier.payload, number, earlier.time_ns))
            continue
        kind = rng.choice(REPORTS)
        order_id, account = f"o{rng.randrange(orders)}", rng.choice("AB")
        fields: dict[str, Any] = {"account": account, "symbol": "AMZN", "order_id": order_id, "venue": "V"}
        if kind in ("fill", "correct"):
            fields |= {"side": "buy", "quantity": Decimal(rng.choice((1, 5, 10, 20))), "price": Decimal(rng.choice((49, 50, 51)))}
        if kind in ("bust", "correct"):
            fields["reference_execution_id"] = f"e{rng.randrange(1, count + 1)}"
        if kind in ("fill", "correct") or rng.random() < 0.7:
            fields["execution_id"] = f"e{number}"
        if kind == "replaced" and rng.random() < 0.5:
            fields["quantity"] = Decimal(rng.choice((10, 20, 30)))
        time_ns = (number + rng.choice((0, 0, 0, -2))) * SECOND_NS + number  # one without an id is known by it: no two are alike
        made.append(report_event(ExecutionReport(exec_type=ExecType(kind), **fields), number, max(time_ns, 0)))
    return made


def streams(seed: int) -> list[list[Any]]:
    """Commands, reports, splits."""
    rng = random.Random(seed)
    orders, count = rng.choice((1, 2, 4)), rng.choice((4, 12, 40))
    splits = [Split(f"split|{at}", "AMZN", Decimal(2), rng.randrange(1, count) * SECOND_NS) for at in range(rng.choice((0, 0, 1, 2)))]
    return [commands(rng, count // 2 + 1, orders), reports(rng, count, orders), splits]


def interleaved(rng: random.Random, parts: list[list[Any]]) -> list[Any]:
    """The parts in one order, each in its own; now and then one of them runs ahead."""
    left, merged = [list(part) for part in parts], []
    while any(left):
        part = rng.choice([part for part in left if part])
        count = rng.choice((1, 1, 2, len(part)))
        merged += part[:count]
        del part[:count]
    return merged


def feed(book: OrderBook, one: Input) -> OrdersOutput:
    if isinstance(one, int):
        return book.on_watermark(one)
    if isinstance(one, Split):
        return book.on_split(one, Place("control.actions", 0, 0))
    return book.on_command(one) if isinstance(one.payload, OrderCommand) else book.on_report(one)
