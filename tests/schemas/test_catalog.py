"""The one table of events: every type and topic has its place, and its schema says what msgspec takes."""

from __future__ import annotations

import json
import typing
from functools import cache
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import BARE, EVENT_PAYLOADS, EVENTS, events_of
from schemas.dead_letters import DeadLetter
from schemas.events import EventType, Payload
from schemas.market import Bar, Mark
from schemas.topics import TOPICS, Lane
from trademaster.contract import json_schema


def test_every_type_and_every_topic_has_a_row() -> None:
    assert {row.event_type for row in EVENTS} == set(EventType)
    assert {row.topic for row in EVENTS} | set(BARE) == set(TOPICS)
    assert len(EVENT_PAYLOADS) == len(EVENTS)


def test_every_payload_that_is_defined_is_in_the_table() -> None:
    def below(kind: type[Any]) -> set[type[Any]]:
        return {kind} | {inner for sub in kind.__subclasses__() for inner in below(sub)}

    ours = {kind for kind in below(Payload) if kind.__module__.startswith("schemas.") and kind.__name__ not in {"Payload", "Header"}}
    assert {kind.__name__ for kind in ours} <= {kind.__name__ for kind in json_schema.payload_types()}


def test_a_lane_of_inputs_is_read_and_a_critical_order_event_takes_the_fast_lane() -> None:
    assert EVENT_PAYLOADS[EventType.BAR_CLOSED, "market.bars"] is Bar
    assert EVENT_PAYLOADS[EventType.DEAD_LETTER, "dead.letters"] is DeadLetter
    alerts = {row.event_type for row in events_of("risk.alerts")}
    assert {EventType.ORDER_REJECTED_CRITICAL, EventType.ORDER_CANCELLED_SYSTEM} <= alerts
    assert all(row.priority == Lane.CRITICAL for row in events_of("risk.alerts"))


@cache
def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(json_schema.documents()[name])


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values that might be taken for a field, good and bad."""
    good: dict[str, st.SearchStrategy[Any]] = {
        "str": st.text(max_size=70),
        "int": st.integers(-(2**60), 2**60),
        "float": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000),
        "Decimal": st.integers(-5, 5) | st.sampled_from(["1.5", ".5"]),
        "bool": st.booleans(),
        "Any": st.none() | st.booleans() | st.text(max_size=5),
    }
    name = getattr(hint, "__name__", "")
    if name in good:
        return good[name]
    if typing.get_origin(hint) is typing.Annotated:
        return values_of(typing.get_args(hint)[0])
    if typing.get_origin(hint) is typing.Literal:
        return st.sampled_from([*typing.get_args(hint), "other"])
    if hint is type(None):
        return st.none()
    if typing.get_origin(hint) is tuple:
        return st.lists(values_of(typing.get_args(hint)[0]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return payloads(hint)
    if typing.get_args(hint):
        return st.one_of([values_of(inner) for inner in typing.get_args(hint)])
    return st.sampled_from([str(member) for member in hint])


@st.composite
def payloads(draw: st.DrawFn, kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    values = {}
    for field in msgspec.structs.fields(kind):
        if draw(st.integers(0, 30)):
            values[field.encode_name] = draw(
                values_of(hints[field.name]) if draw(st.integers(0, 30)) else st.sampled_from([None, [], "x", 1])
            )
    if not draw(st.integers(0, 10)):
        values["unknown"] = 1
    return values


@pytest.mark.parametrize("kind", json_schema.payload_types(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_schema_takes_what_the_definition_takes(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    values = data.draw(payloads(kind))
    text = json.dumps(values)
    try:
        msgspec.json.decode(text.encode(), type=kind)
        taken = True
    except msgspec.DecodeError:
        taken = False
    if taken:
        assert validator(kind.__name__).is_valid(values)
    elif validator(kind.__name__).is_valid(values):
        # Only what no schema can say: a text that is no decimal, a number that is not of 64 bits.
        assert any(isinstance(value, str | float) or (isinstance(value, int) and abs(value) >= 2**63) for value in values.values())


def test_a_mark_as_it_is_written_fits_its_schema() -> None:
    mark = Mark("A", 1.5, None, None, None, 100.0, 100.0, None, None, 7)
    assert validator("Mark").is_valid(json.loads(msgspec.json.encode(mark)))
    assert not validator("Mark").is_valid({"symbol": "A"})
