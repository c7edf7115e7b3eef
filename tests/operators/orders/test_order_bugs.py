"""Cases one by one: what is refused and why, what waits for what, and bugs that other systems shipped."""

from __future__ import annotations

from decimal import Decimal

import pytest

from operators.orders import account as account_module
from operators.orders.causes import is_echo
from schemas.orders import Status
from schemas.times import END_OF_TIME_NS
from tests.operators.orders.desk import SECOND_NS, Desk


def types(desk: Desk) -> list[str]:
    return [event.header.event_type for event in desk.updates]


def statuses(desk: Desk) -> list[str]:
    return [event.payload.status.value for event in desk.updates]


def test_a_report_waits_for_its_order() -> None:
    """Lean IB#249: fills that came while the session was down were lost."""
    desk = Desk()
    desk.fill("60")
    desk.report("new")
    desk.fill("40")
    assert not desk.updates
    desk.place()
    assert statuses(desk) == ["PENDING_NEW", "PARTIALLY_FILLED", "FILLED"]
    assert {event.header.correlation_id for event in desk.updates} == {"c-orders.commands-4"}
    assert not desk.rejects


def test_a_report_without_an_order_waits_until_commands_are_later_by_the_timeout() -> None:
    desk = Desk(unknown_after_s=60)
    desk.fill("60", time_ns=0)
    desk.place(order_id="Y", time_ns=59 * SECOND_NS)
    assert not desk.rejects
    desk.place(time_ns=60 * SECOND_NS)
    assert desk.reasons == ["orphan"]
    assert desk.last.filled_quantity == 0
    desk.report("canceled", order_id="nobody")
    desk.report("bust", reference_execution_id="nothing")
    desk.report("bust", reference_execution_id="nothing", order_id=None)
    desk.wait(END_OF_TIME_NS)
    assert desk.reasons == ["orphan"] * 3, "a bust that names no order is the portfolio's"


def test_what_is_about_no_order_is_not_for_here() -> None:
    desk = Desk()
    desk.report("transfer", side="buy", quantity="5", price="50")
    desk.report("cash")
    desk.fill("5", order_id=None)
    desk.wait(END_OF_TIME_NS)
    assert (desk.updates, desk.rejects) == ([], [])
    desk.fill("5", account=None)
    assert desk.reasons == ["missing_field"]


def test_void_fill_void() -> None:
    """nt#4491: void(T1,60) fill(T1,40) void(T2,10) left the order at 0 and the position at 40."""
    desk = Desk()
    desk.place()
    desk.report("bust", reference_execution_id="T1", quantity="60")
    desk.fill("40", execution_id="T1")
    desk.report("bust", reference_execution_id="T2", quantity="10")
    assert statuses(desk) == ["PENDING_NEW", "PARTIALLY_FILLED", "NEW"]
    assert desk.last.filled_quantity == 0
    desk.fill("10", execution_id="T2")
    assert (desk.last.status, desk.last.filled_quantity, desk.last.average_price) == (Status.NEW, 0, None)


def test_what_was_refused_is_no_duplicate_later() -> None:
    """nt#4522: the id was marked before the report applied, so the real one was dropped."""
    desk = Desk()
    desk.place()
    desk.fill("40", side="sell", execution_id="f")
    desk.report("cancel_rejected", execution_id="c")
    assert desk.reasons == ["execution", "transition"]
    desk.fill("40", execution_id="f")
    desk.command("cancel")
    desk.report("cancel_rejected", execution_id="c")
    assert (desk.last.filled_quantity, desk.last.status) == (40, Status.PARTIALLY_FILLED)


def test_a_fill_is_known_by_account_venue_symbol_and_id() -> None:
    desk = Desk()
    desk.place()
    desk.fill("10", execution_id="f", venue="V")
    assert desk.fill("10", execution_id="f", venue="V") == []
    assert desk.fill("10", execution_id="f", venue="V", order_id="X", price="99") == []
    desk.fill("10", execution_id="f", venue="W")
    assert desk.last.filled_quantity == 20
    desk.report("bust", reference_execution_id="f", venue="V")
    assert desk.fill("10", execution_id="f", venue="V") == [], "busted, it stays so"
    assert desk.last.filled_quantity == 10


def test_a_state_event_without_an_id_is_known_by_type_time_and_what_is_filled() -> None:
    desk = Desk()
    desk.place()
    desk.report("suspended", execution_id=None, time_ns=9)
    desk.report("new", execution_id=None, time_ns=10)
    assert desk.report("suspended", execution_id=None, time_ns=9) == []
    desk.report("suspended", execution_id=None, time_ns=11, cumulative_quantity="0")
    assert statuses(desk) == ["PENDING_NEW", "SUSPENDED", "NEW", "SUSPENDED"]


def test_an_overfill_applies_and_is_said() -> None:
    desk = Desk()
    desk.place()
    desk.fill("90")
    desk.fill("20", execution_id="over")
    assert (types(desk)[-1], desk.last.status, desk.last.filled_quantity, desk.last.leaves_quantity) == (
        "ORDER_OVERFILL",
        Status.FILLED,
        110,
        0,
    )
    desk.report("correct", reference_execution_id="over", quantity="10", price="50")
    assert (types(desk)[-1], desk.last.filled_quantity) == ("ORDER_FILLED", 100)


def test_a_late_fill_of_a_canceled_or_rejected_order_applies() -> None:
    desk = Desk()
    desk.place()
    desk.report("canceled")
    desk.fill("60")
    desk.fill("40")
    assert statuses(desk)[2:] == ["CANCELED", "FILLED"]
    desk.place(order_id="Y")
    desk.report("rejected", order_id="Y", reason="no")
    desk.fill("60", order_id="Y")
    assert (desk.last.status, desk.last.leaves_quantity) == (Status.PARTIALLY_FILLED, 40)


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("canceled", "new"),
        ("canceled", "expired"),
        ("canceled", "rejected"),
        ("expired", "canceled"),
        ("rejected", "new"),
        ("new", "replace_rejected"),
    ],
)
def test_an_illegal_transition_is_a_dead_letter(before: str, then: str) -> None:
    desk = Desk()
    desk.place()
    desk.report(before)
    status, count = desk.last.status, len(desk.updates)
    desk.report(then)
    assert (desk.reasons, len(desk.updates)) == (["transition"], count)
    desk.fill("1", order_id="X")
    assert desk.last.version == count + 1
    assert status.value in desk.rejects[0].detail


def test_filled_is_not_canceled_and_partly_filled_is_not_rejected() -> None:
    desk = Desk()
    desk.place()
    desk.fill("40")
    desk.report("rejected")
    desk.fill("60")
    desk.report("canceled")
    assert desk.reasons == ["transition"] * 2
    assert desk.last.status is Status.FILLED


def test_an_acknowledgement_that_was_overtaken_is_no_error() -> None:
    desk = Desk()
    desk.place()
    desk.fill("100", time_ns=5)
    assert desk.report("new", time_ns=4) == []
    assert desk.report("pending_new", time_ns=3) == []
    assert not desk.rejects
    desk.report("new", time_ns=6)
    assert desk.reasons == ["transition"]


def test_a_halt_that_was_overtaken_does_not_come_back() -> None:
    desk = Desk()
    desk.place()
    desk.report("new", time_ns=7)
    assert desk.report("suspended", time_ns=6) == []
    desk.report("suspended", time_ns=8)
    assert desk.last.status is Status.SUSPENDED
    assert desk.report("new", execution_id="again", time_ns=7) == []


def test_corrections_of_corrections_in_any_order() -> None:
    desk = Desk()
    desk.place()
    desk.report("correct", execution_id="c2", reference_execution_id="c1", quantity="30", price="52")
    desk.report("correct", execution_id="c1", reference_execution_id="f", quantity="20", price="51")
    desk.fill("10", execution_id="f")
    assert [str(event.payload.filled_quantity) for event in desk.updates[1:]] == ["10", "20", "30"]
    assert (desk.last.average_price, desk.last.last_quantity, desk.last.last_price) == (52, 30, 52)
    desk.report("bust", reference_execution_id="c1")
    assert desk.last.filled_quantity == 0
    desk.report("correct", execution_id="c3", reference_execution_id="f", quantity="5", price="50")
    assert desk.reasons == ["transition"]


def test_the_average_is_exact_until_it_goes_out() -> None:
    desk = Desk()
    desk.place(quantity="3")
    for price in ("1", "1", "2"):
        desk.fill("1", price)
    assert str(desk.last.average_price) == "1.333333333333333333333333333"
    desk.place(order_id="Y", quantity="1e2")
    desk.fill("0.1", "1e30", order_id="Y")
    desk.fill("0.2", "1e-30", order_id="Y")
    assert (str(desk.last.quantity), desk.last.filled_quantity) == ("100", Decimal("0.3"))


def test_a_split_adjusts_what_was_ordered_before_it() -> None:
    desk = Desk()
    desk.place(order_id="X", order_type="stop_limit", stop_price="48")
    desk.command("replace", quantity="60", price="45")
    desk.fill("10", execution_id="f")
    desk.place(order_id="Z", symbol="MSFT")
    made = desk.split("3")
    assert [event.payload.order_id for event in made] == ["X"]
    assert (desk.last.quantity, desk.last.filled_quantity, desk.last.leaves_quantity, desk.last.reason) == (300, 30, 270, "split 3")
    assert (str(desk.last.price), desk.last.stop_price, types(desk)[-1]) == ("16.66666666666666666666666667", 16, "ORDER_REPLACED")
    assert (desk.last.requested_quantity, desk.last.requested_price) == (180, 15)
    assert desk.split("3") == []
    desk.place(order_id="Y")
    desk.fill("10", price="60", time_ns=2)
    assert (desk.last.filled_quantity, desk.last.last_quantity, desk.last.last_price) == (60, 30, 20), "a fill from before it"
    desk.report("correct", reference_execution_id="f", quantity="20", price="60")
    assert desk.last.filled_quantity == 90, "a fill is corrected in the units of its time"
    desk.fill("10", order_id="Y")
    assert (desk.last.quantity, desk.last.filled_quantity) == (100, 10)


def test_an_order_placed_before_a_split_that_is_known_is_adjusted() -> None:
    desk = Desk()
    desk.split("2")
    desk.place(time_ns=0)
    assert [str(event.payload.quantity) for event in desk.updates] == ["100", "200"]


def test_the_order_that_finished_first_is_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "FINISHED_KEPT", 2)
    desk = Desk()
    for name in ("open", "one", "two", "three"):
        desk.place(order_id=name)
    for name in ("one", "two", "three"):
        desk.fill("100", order_id=name, execution_id=name)
    desk.report("bust", order_id="one", reference_execution_id="one")
    desk.report("bust", order_id="two", reference_execution_id="two")
    assert (desk.last.order_id, desk.last.status) == ("two", Status.NEW)
    desk.fill("100", order_id="open")
    desk.wait(END_OF_TIME_NS)
    assert desk.reasons == ["orphan"]


def test_what_waits_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "WAITING_KEPT", 2)
    desk = Desk()
    for name in ("one", "two", "three"):
        desk.fill("10", order_id=name)
    assert desk.reasons == ["orphan"]
    assert "order one" in desk.rejects[0].detail


def test_commands_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "KEYS_KEPT", 2)
    desk = Desk()
    for key in ("a", "b", "c"):
        desk.place(order_id=key, idempotency_key=key)
    assert desk.place(order_id="c", idempotency_key="c") == []
    assert desk.place(order_id="a", idempotency_key="a")[0].payload.version == 0


def test_a_pending_cancel_that_was_overtaken_by_its_refusal_does_not_come_back() -> None:
    desk = Desk()
    desk.place()
    desk.command("cancel")
    desk.report("cancel_rejected", time_ns=9)
    assert desk.report("pending_cancel", time_ns=8) == []
    desk.report("pending_cancel", time_ns=10)
    assert (desk.last.status, types(desk)[-1]) == (Status.PENDING_CANCEL, "ORDER_PENDING"), "somebody else asked for it"


def test_a_correction_is_known_by_its_own_id_after_a_restart() -> None:
    desk, again = Desk(), Desk()
    desk.place()
    desk.fill("10", execution_id="f")
    desk.report("correct", execution_id="c", reference_execution_id="f", quantity="20", price="50")
    again.book.restore(desk.book.snapshot())
    again.report("bust", reference_execution_id="c")
    assert again.last.filled_quantity == 0


def test_a_request_is_told_from_the_echo_of_a_report_while_it_is_pending() -> None:
    desk = Desk()
    desk.place(account="a|report", order_id="x|report")
    desk.command("cancel", account="a|report", order_id="x|report")
    desk.report("new", account="a|report", order_id="x|report")
    assert statuses(desk) == ["PENDING_NEW", "PENDING_CANCEL", "PENDING_CANCEL"]
    assert [is_echo(event.header.event_id) for event in desk.updates] == [False, False, True]
    assert not is_echo("orders.updates|3")
