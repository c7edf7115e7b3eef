"""Commands and reports from the wire: what is taken, and what is refused with which reason."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.dead_letters import Reason, dead_letter
from schemas.errors import RejectedRecord
from schemas.event_outgoing import event_encoder
from schemas.event_reading import read_event, reject_event
from schemas.events import EventType, Place, follow
from schemas.orders import OrderUpdate, Status
from schemas.placement import place_record

REPORTS, COMMANDS = Place("orders.events", 3, 17), Place("orders.commands", 0, 4)
FILL = {"execType": "fill", "account": "A", "symbol": "AMZN", "executionId": "E1", "side": "buy", "quantity": "10", "price": 223.95}
PLACE = {"command": "place", "account": "A", "orderId": "O1", "symbol": "AMZN", "side": "buy", "quantity": 10, "price": ".5"}


def record(payload: dict[str, Any], event_type: str = "EXECUTION_REPORT") -> bytes:
    header = {"eventId": "x", "correlationId": "c", "eventType": event_type, "priority": 2, "timestamp": 7, "source": "venue"}
    return json.dumps({"header": header, "payload": payload}).encode()


def test_numbers_are_read_from_their_text() -> None:
    event = read_event(REPORTS, record({**FILL, "quantity": 0.1, "fee": "-0.30"}))
    assert (event.payload.quantity, event.payload.price, event.payload.fee) == (Decimal("0.1"), Decimal("223.95"), Decimal("-0.30"))
    assert read_event(COMMANDS, record(PLACE)).payload.price == Decimal("0.5")


def test_a_foreign_field_of_a_report_passes_and_one_of_a_command_does_not() -> None:
    assert read_event(REPORTS, record({**FILL, "liquidity": "maker"})).payload.execution_id == "E1"
    with pytest.raises(RejectedRecord, match="stopprice"):
        read_event(COMMANDS, record({**PLACE, "stopprice": 1}))


def test_its_own_time_is_the_payloads() -> None:
    assert read_event(REPORTS, record({**FILL, "timestamp": "1970-01-01T00:00:00.000000009Z"})).time_ns == 9
    assert read_event(REPORTS, record(FILL)).time_ns == 7


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"executionId": None}, Reason.MISSING_FIELD, "executionId"),
        ({"account": None}, Reason.MISSING_FIELD, "account"),
        ({"symbol": "\u00e9" * 40}, Reason.SYMBOL, "80 bytes"),
        ({"quantity": 0}, Reason.EXECUTION, "more than 0"),
        ({"quantity": "-1"}, Reason.EXECUTION, "-1"),
        ({"price": "NaN"}, Reason.NUMBER, "finite"),
        ({"price": "1e999"}, Reason.NUMBER, "price"),
        ({"timestamp": "9999-01-01T00:00:00Z"}, Reason.TIME, "2199"),
        ({"execType": "fil"}, Reason.MALFORMED, "execType"),
        ({"execType": "bust"}, Reason.MISSING_FIELD, "referenceExecutionId"),
        ({"execType": "cash"}, Reason.MISSING_FIELD, "amount"),
        ({"execType": "canceled"}, Reason.MISSING_FIELD, "orderId"),
    ],
)
def test_what_cannot_have_happened_is_refused(change: dict[str, Any], reason: Reason, says: str) -> None:
    with pytest.raises(RejectedRecord, match=says) as refused:
        read_event(REPORTS, record({**FILL, **change}))
    assert refused.value.reason == reason


def test_a_dead_letter_holds_the_event_and_the_flow_that_refused_it() -> None:
    event = read_event(REPORTS, record(FILL))
    letter = dead_letter(reject_event(event, Reason.ORPHAN, "its order never came"), "orders")
    assert letter.header.event_id == "dead|orders.events-3-17|orders"
    assert json.loads(base64.b64decode(letter.payload.payload))["payload"]["executionId"] == "E1"


def test_what_is_made_stands_where_its_record_would() -> None:
    command = read_event(COMMANDS, record(PLACE, "ORDER_COMMAND"))
    names = [field for field in OrderUpdate.__struct_fields__ if field not in OrderUpdate.__struct_fields__[-3:]]
    values = dict.fromkeys(names) | {"order_id": "O1", "account": "A", "status": Status.NEW, "version": 1}
    update = follow(command, EventType.ORDER_PLACED, "u", OrderUpdate(**values), "orders")  # type: ignore[arg-type]
    outgoing = event_encoder("orders.updates")([[update]])
    assert list(outgoing.keys) == [b"O1"]
    assert place_record("orders.updates", next(iter(outgoing.values))) == (b"O1", b"A")
    assert outgoing.causes == [4]
    assert json.loads(next(iter(outgoing.values)))["header"]["correlationId"] == "c"
