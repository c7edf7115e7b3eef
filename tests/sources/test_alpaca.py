"""Alpaca's trade updates: each message becomes the report it is, with our order id and exact numbers."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedRecord
from schemas.order_checks import check_execution
from schemas.orders import ExecType, ExecutionReport
from sources.alpaca import KINDS, PASSED_OVER, AlpacaStream
from sources.reports import read_reports

ORDER: dict[str, Any] = {
    "id": "904837e3-3b76-47ec-b432-046db621571b",
    "client_order_id": "ours-1",
    "symbol": "AAPL",
    "qty": "10",
    "filled_qty": "0",
    "type": "limit",
    "side": "buy",
    "time_in_force": "gtc",
    "limit_price": "187.5",
    "stop_price": None,
    "status": "new",
    "legs": None,
    "replaced_by": None,
    "replaces": None,
}


def update(event: str, order: dict[str, Any] | None = None, *, bare: bool = False, **fields: Any) -> bytes:
    data = {"event": event, "timestamp": "2026-01-02T15:04:05.123456789Z", "order": {**ORDER, **(order or {})}, **fields}
    return json.dumps(data if bare else {"stream": "trade_updates", "data": data}).encode()


def fill(execution_id: str = "E1", event: str = "fill", **fields: Any) -> bytes:
    return update(event, execution_id=execution_id, **{"price": "187.45", "qty": "10", "position_qty": "110", **fields})


def reports(*lines: bytes, account: str | None = "A1") -> list[ExecutionReport]:
    stream, found = AlpacaStream(account, "ALPACA"), []
    for line in lines:
        for report in stream.translate(line):
            assert isinstance(report, ExecutionReport), str(report)
            check_execution(report)
            found.append(report)
    return found


@pytest.mark.parametrize("bare", [False, True])
def test_a_fill_says_all_that_the_message_says(bare: bool) -> None:
    line = update("partial_fill", {"filled_qty": "4"}, bare=bare, execution_id="E1", price="187.45", qty="4", position_qty="104")
    (found,) = reports(line)
    assert found == ExecutionReport(
        exec_type=ExecType.FILL,
        account="A1",
        symbol="AAPL",
        venue="ALPACA",
        order_id="ours-1",
        execution_id="E1",
        side="buy",
        quantity=Decimal(4),
        price=Decimal("187.45"),
        cumulative_quantity=Decimal(4),
        timestamp="2026-01-02T15:04:05.123456789Z",
    )


@given(st.decimals(min_value="0.000000001", max_value=10**9, places=9), st.decimals(min_value=0, max_value=10**6, places=10), st.booleans())
def test_numbers_are_read_from_their_text(quantity: Decimal, price: Decimal, as_text: bool) -> None:
    line = fill(qty="QTY", price="PRICE").decode()
    for name, value in (("QTY", quantity), ("PRICE", price)):
        line = line.replace(f'"{name}"', f'"{value:f}"' if as_text else f"{value:f}")
    (found,) = reports(line.encode())
    assert (found.quantity, found.price) == (quantity, price)


OF_EVENT = [
    ("new", "new"), ("accepted", "new"), ("fill", "fill"), ("partial_fill", "fill"), ("canceled", "canceled"), ("expired", "expired"),
    ("done_for_day", "done_for_day"), ("replaced", "replaced"), ("restated", "replaced"), ("rejected", "rejected"),
    ("pending_new", "pending_new"), ("pending_cancel", "pending_cancel"), ("pending_replace", "pending_replace"),
    ("suspended", "suspended"), ("order_cancel_rejected", "cancel_rejected"), ("order_replace_rejected", "replace_rejected"),
    ("trade_bust", "bust"), ("trade_correct", "correct"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "expected"), OF_EVENT)
def test_each_event(event: str, expected: str) -> None:
    (found,) = reports(fill("E2", event, previous_execution_id="E1"))
    assert found.exec_type == expected
    if expected in ("new", "pending_new", "replaced"):
        assert (found.quantity, found.price, found.order_type, found.time_in_force) == (Decimal(10), Decimal("187.5"), "limit", "gtc")
    if expected in ("bust", "correct"):
        assert found.reference_execution_id == "E1"


def test_every_event_of_the_table_is_tested() -> None:
    assert {event for event, _ in OF_EVENT} == set(KINDS)
    assert not reports(*map(update, PASSED_OVER))


def test_pending_new_has_no_execution_id() -> None:
    (found,) = reports(update("pending_new", execution_id=None))
    assert (found.execution_id, found.order_id) == (None, "ours-1")


def test_a_replace_is_a_new_order_of_alpacas_and_the_same_one_of_ours() -> None:
    new = {"id": "b", "client_order_id": "made-by-alpaca", "replaces": ORDER["id"], "qty": "20", "limit_price": "190"}
    newer = {"id": "c", "client_order_id": "made-too", "replaces": "b", "qty": "30"}
    found = reports(
        update("new"),
        update("pending_replace"),
        update("replaced", {"replaced_by": "b"}),
        update("new", new),
        update("new", newer),
        update("fill", {**newer, "replaces": None}, execution_id="E", price="1", qty="1"),
    )
    assert {report.order_id for report in found} == {"ours-1"}
    assert [report.exec_type.value for report in found] == ["new", "pending_replace", "replaced", "replaced", "replaced", "fill"]
    assert [(report.quantity, report.price) for report in found[2:4]] == [(None, None), (20, 190)]


def test_an_order_whose_beginning_was_not_recorded_has_its_clients_id() -> None:
    (found,) = reports(update("canceled", {"id": "z", "client_order_id": "mine", "replaces": "unknown"}))
    assert found.order_id == "mine"


def test_amendments_of_amendments_name_the_first_fill() -> None:
    found = reports(
        fill("E1"), fill("E2", "trade_correct", previous_execution_id="E1", price="1"), fill("E3", "trade_bust", previous_execution_id="E2")
    )
    assert [report.reference_execution_id for report in found] == [None, "E1", "E1"]


def test_the_brokers_events_name_their_account() -> None:
    (found,) = reports(update("fill", bare=True, account_id="ACC", execution_id="E", price="1", qty="1"), account=None)
    assert found.account == "ACC"


@pytest.mark.parametrize(
    "line",
    [
        b'{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}',
        b'{"stream":"listening","data":{"streams":["trade_updates"]}}',
        b'{"action":"listen","data":{"streams":["trade_updates"]}}',
        b"[]",
    ],
)
def test_what_is_no_trade_update_is_passed_over(line: bytes) -> None:
    assert not reports(line)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "malformed"),
        (b"7", "malformed"),
        (b"[7]", "malformed"),
        (b'{"stream":"trade_updates","data":[]}', "malformed"),
        (b'{"event":"fill"}', "missing_field"),
        (b'{"order":{}}', "missing_field"),
        (update("party"), "unknown_type"),
        (fill(price="much"), "number"),
        (fill(qty="0"), "execution"),
        (fill(qty=None), "missing_field"),
        (update("fill", price="1", qty="1"), "missing_field"),
        (fill(timestamp="noon"), "time"),
    ],
)
def test_bad_messages_are_rejected_with_their_line(line: bytes, reason: str) -> None:
    (block,) = read_reports(io.BytesIO(b"\n" + line + b"\n" + fill() + b"\n"), AlpacaStream("A").translate)
    assert [(bad.line, bad.reason.value, bad.text) for bad in block.rejects] == [(2, reason, line)]
    assert block.lines == [3]


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5)
)
def test_any_value_in_any_place_is_a_report_or_a_reject(value: Any) -> None:
    for name in ("event", "order", "price", "qty", "timestamp", "execution_id", "previous_execution_id"):
        message = json.loads(fill())
        message["data"][name] = value
        for found in AlpacaStream().translate(json.dumps(message).encode()):
            assert isinstance(found, ExecutionReport | RejectedRecord)


def test_an_array_of_messages_is_each_of_them() -> None:
    assert len(reports(b"[" + fill("E1") + b"," + fill("E2") + b"]")) == 2
