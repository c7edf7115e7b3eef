"""The order book as a step: which items it takes, and what it adopts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from operators.orders.settings import OrdersSettings
from operators.orders.step import OrdersStep
from schemas.control import Action, Control
from schemas.event_codec import open_envelope
from schemas.events import Event, RawEnvelope, Watermark
from schemas.orders import ExecType, ExecutionReport, OrderCommand
from schemas.symbols import shard_of
from schemas.times import END_OF_TIME_NS
from tests.operators.orders.desk import SECOND_NS, command_event, content, report_event

SHARD = shard_of(b"A")


def step(state: dict[str, Any] | None = None) -> OrdersStep:
    return OrdersStep(OrdersSettings(), SHARD, state)


def place(number: int = 1, account: str = "A") -> Event[OrderCommand]:
    command = OrderCommand(
        command="place", account=account, order_id="X", symbol="AMZN", side="buy", quantity=Decimal(100), price=Decimal(50)
    )
    return command_event(command, number)


def cancel(number: int = 2) -> Event[OrderCommand]:
    return command_event(OrderCommand(command="cancel", account="A", order_id="X"), number)


def fill(number: int, order_id: str = "X") -> Event[ExecutionReport]:
    payload = ExecutionReport(
        exec_type=ExecType.FILL,
        account="A",
        symbol="AMZN",
        order_id=order_id,
        execution_id=f"e{number}",
        side="buy",
        quantity=Decimal(10),
        price=Decimal(50),
    )
    return report_event(payload, number)


def said(one: OrdersStep, *items: Any) -> list[str]:
    outputs = [output for item in items if (output := one.process(item))]
    return [content(update) for output in outputs for update in output.updates]


def on_the_wire(updates: list[str]) -> list[RawEnvelope]:
    return [open_envelope(update.encode()) for update in updates]


def test_a_split_that_is_delivered_twice_is_applied_once() -> None:
    one, action = step(), Action(action="split", symbol="AMZN", ratio=Decimal(2))
    split = Control("control.actions", "s", action, 5 * SECOND_NS, "s")
    dividend = Control("control.actions", "d", Action(action="dividend", symbol="AMZN", amount=Decimal(1)), 5 * SECOND_NS, "d")
    assert len(said(one, split, place(), split, dividend, Control("control.actions", "s", None))) == 2


def test_a_split_without_a_time_adjusts_what_is_there() -> None:
    one, action = step(), Action(action="split", symbol="AMZN", ratio=Decimal(2))
    untimed = Control("control.actions", "s", action, 0, "s")
    assert len(said(one, untimed, place(), untimed, untimed)) == 2


def test_at_the_end_of_time_nothing_waits() -> None:
    one = step()
    assert one.process(fill(1)) is None
    made = one.process(Watermark(END_OF_TIME_NS))
    assert made is not None
    assert [reject.reason.value for reject in made.rejects] == ["orphan"]


def test_a_fresh_step_follows_what_was_published() -> None:
    published = said(step(), place(), fill(1), cancel(), fill(2))
    elsewhere = said(OrdersStep(OrdersSettings(), 0, None), place(account="B"))
    fresh = step()
    fresh.adopt(on_the_wire([*published, *elsewhere]))
    assert OrdersStep.adopts_when_fresh
    again = said(fresh, place(), cancel(), fill(2), fill(3), fill(1))
    assert again[:4] == published
    assert msgspec.json.decode(again[4])["payload"]["filledQuantity"] == "30"


def test_a_restored_step_follows_what_was_published_since() -> None:
    first = step()
    published = said(first, place())
    stored = first.snapshot()
    published += said(first, fill(1), cancel(), fill(2))
    for known in (published, published[1:]):
        again = step(stored)
        again.adopt(on_the_wire(known))
        remade = said(again, fill(2), fill(1), cancel())
        assert remade == published[1:]


def test_a_cancel_of_all_orders_reaches_no_order_that_is_placed_after_it() -> None:
    everything = command_event(OrderCommand(command="cancel_all", account="A"), 9)
    published = said(step(), everything, place())
    fresh = step()
    fresh.adopt(on_the_wire(published))
    assert said(fresh, everything, place()) == published


def test_a_cancel_of_all_orders_waits_for_a_placing_that_waits() -> None:
    everything = command_event(OrderCommand(command="cancel_all", account="A"), 9)
    published = said(step(), cancel(), place(), fill(1), everything)
    fresh = step()
    fresh.adopt(on_the_wire(published))
    assert said(fresh, place(), everything, fill(1)) == []
    assert said(fresh, cancel()) == published


def test_a_script_whose_inputs_are_gone_is_given_up_and_not_contradicted() -> None:
    published = said(step(), place(), fill(1), fill(2))
    fresh = step()
    fresh.adopt(on_the_wire(published))
    assert said(fresh, place(), fill(2)) == published[:1]
    made = said(fresh, Watermark(END_OF_TIME_NS), fill(3))
    assert [msgspec.json.decode(update)["payload"]["version"] for update in made] == [5], "the fill that was said is not said otherwise"
