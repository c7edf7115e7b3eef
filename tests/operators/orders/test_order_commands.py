"""What a command does: which are answered by a refusal and why, which say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.orders import Status
from tests.operators.orders.desk import Desk


def types(desk: Desk) -> list[str]:
    return [event.header.event_type for event in desk.updates]


def statuses(desk: Desk) -> list[str]:
    return [event.payload.status.value for event in desk.updates]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"symbol": None}, "symbol: expected one"),
        ({"side": None}, "side: expected buy or sell"),
        ({"quantity": "0"}, "quantity: expected more than 0, found 0"),
        ({"quantity": "-5"}, "quantity: expected more than 0, found -5"),
        ({"quantity": None}, "quantity: expected more than 0, found none"),
        ({"order_type": "limit", "price": None}, "price: expected one of a limit order"),
        ({"order_type": "market"}, "price: expected none of a market order, found 50"),
        ({"order_type": "stop", "price": None}, "stopPrice: expected one of a stop order"),
        ({"order_type": "stop", "stop_price": "49"}, "price: expected none of a stop order"),
        ({"order_type": "stop_limit"}, "stopPrice: expected one of a stop_limit order"),
        ({"order_type": "stop_limit", "price": None, "stop_price": "49"}, "price: expected one of a stop_limit order"),
        ({"stop_price": "49"}, "stopPrice: expected none of a limit order"),
    ],
)
def test_an_order_that_cannot_be_is_rejected_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    desk = Desk()
    desk.place(**fields)
    assert (desk.last.status, desk.last.leaves_quantity, types(desk)) == (Status.REJECTED, 0, ["ORDER_REJECTED"])
    assert desk.last.reason is not None
    assert desk.last.reason.startswith(reason)


def test_what_a_placing_leaves_out() -> None:
    desk = Desk()
    desk.place()
    assert (desk.last.order_type, desk.last.time_in_force, desk.last.version) == ("limit", "day", 1)
    desk.place(price=None, order_id="Y", time_in_force="IOC")
    assert (desk.last.order_type, desk.last.time_in_force) == ("market", "IOC")


def test_a_repeated_command_says_nothing() -> None:
    desk = Desk()
    desk.place(idempotency_key="k")
    assert desk.place(idempotency_key="k", quantity="7") == []
    assert desk.command("cancel", idempotency_key="k") == []
    assert [event.payload.status for event in desk.place(idempotency_key="k", account="B")] == [Status.PENDING_NEW]


def test_an_order_of_another_account_is_unknown_and_left_alone() -> None:
    desk = Desk()
    desk.place()
    for command in ("cancel", "replace"):
        desk.command(command, account="B")
        assert (desk.last.account, desk.last.status, desk.last.version) == ("B", Status.REJECTED, 0)
        assert (types(desk)[-1], desk.last.reason) == ("ORDER_CANCEL_REJECTED", "unknown order X for account B")
    desk.fill("100", account="B")
    desk.fill("40")
    assert (desk.last.account, desk.last.filled_quantity, desk.last.version) == ("A", 40, 2)


@pytest.mark.parametrize(
    ("before", "command", "reason"),
    [
        (["filled"], {"command": "cancel"}, "too late to cancel: the order is FILLED"),
        (["canceled"], {"command": "cancel"}, "too late to cancel: the order is CANCELED"),
        (["cancel"], {"command": "cancel"}, "order already in pending cancel"),
        (["cancel"], {"command": "replace", "quantity": "50"}, "order already in pending cancel"),
        (["canceled"], {"command": "replace", "quantity": "200"}, "too late to replace: the order is CANCELED"),
        ([], {"command": "replace"}, "expected a quantity, price or stopPrice to change, found none"),
        ([], {"command": "replace", "quantity": "0"}, "quantity: expected more than 0, found 0"),
        ([], {"command": "replace", "stop_price": "1"}, "stopPrice: expected none of a limit order, found 1"),
    ],
)
def test_a_refused_cancel_or_replace_leaves_the_status(before: list[str], command: dict[str, Any], reason: str) -> None:
    desk = Desk()
    desk.place()
    for said in before:
        if said == "cancel":
            desk.command("cancel")
        elif said == "filled":
            desk.fill("100")
        else:
            desk.report(said)
    status = desk.last.status
    desk.command(**command)
    assert (desk.last.status, desk.last.reason, types(desk)[-1]) == (status, reason, "ORDER_CANCEL_REJECTED")


def test_requested_values_stand_while_a_replace_is_pending() -> None:
    desk = Desk()
    desk.place()
    desk.command("replace", quantity="70", price="51")
    assert (desk.last.requested_quantity, desk.last.requested_price, desk.last.requested_stop_price) == (70, 51, None)
    desk.command("cancel")
    assert (desk.last.status, desk.last.requested_quantity) == (Status.PENDING_CANCEL, None)
    desk.report("cancel_rejected")
    assert (desk.last.status, desk.last.requested_quantity) == (Status.PENDING_REPLACE, 70)
    desk.report("replaced")
    assert (types(desk)[-1], desk.last.quantity, desk.last.price, desk.last.requested_price) == ("ORDER_REPLACED", 70, 51, None)


def test_cancel_all_of_an_account_or_a_symbol() -> None:
    desk = Desk()
    desk.place(order_id="X")
    desk.place(order_id="Y", symbol="MSFT")
    desk.place(order_id="Z", quantity="0")
    desk.place(order_id="W", account="B")
    made = desk.command("cancel_all", symbol="MSFT")
    assert [(event.payload.order_id, event.payload.status) for event in made] == [("Y", Status.PENDING_CANCEL)]
    made = desk.command("cancel_all", idempotency_key="all")
    assert [(event.payload.order_id, event.header.event_id) for event in made] == [("X", "order|A|X|command|all")]
    assert desk.command("cancel_all", idempotency_key="all") == []
