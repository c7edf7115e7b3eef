"""Within a version fields are only added, and optional: held on the stored contract, and on stored examples that today's readers read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.bus import Batch
from schemas.catalog import BARE, EVENT_PAYLOADS, EVENTS
from schemas.control_codec import decode_control
from schemas.event_codec import decode_event
from schemas.event_reading import PAYLOADS, read_event
from schemas.events import EventType, Place
from schemas.market_reading import read_bar, read_mark
from schemas.placement import place_record
from schemas.tick_codec import TickDecoder
from tests.contract.compatibility import additions, complaints
from tests.contract.stored import VERSION, WHAT_TO_DO, Example, contract_of, contract_today, examples, versions

READERS: dict[str, Callable[[bytes], Any]] = {
    "market.bars": lambda value: read_bar(value, 0),
    "market.marks": lambda value: read_mark(value, 0),
    **{topic: partial(read_event, Place(topic, 0, 0)) for topic in PAYLOADS},
}
"""How our own programs read a topic, where that is more than its envelope."""


def test_the_contract_of_this_version_is_stored() -> None:
    assert versions()[-1] == VERSION, f"store the contract of version {VERSION}: python -m tests.contract.stored"
    new = additions(contract_of(VERSION), contract_today())
    assert not new, "\n".join(["store what was added, so that it is held: python -m tests.contract.stored", *new])


def test_today_breaks_nothing_of_this_version() -> None:
    """An older version may differ; its examples are read all the same."""
    broken = complaints(contract_of(VERSION), contract_today())
    assert not broken, "\n".join([*broken, WHAT_TO_DO])


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"v{example.version}-{example.name}")
def test_a_stored_example_is_read_to_the_same_content(example: Example) -> None:
    wanted = json.loads(example.value)
    if example.topic in BARE:
        kind: Any = BARE[example.topic]
        read = msgspec.json.decode(example.value, type=kind | list[kind])
        assert ticks_in(example) == (len(wanted) if isinstance(wanted, list) else 1)
    else:
        payload = EVENT_PAYLOADS[EventType(wanted["header"]["eventType"]), example.topic]
        assert payload is not None, "its payload is not defined any more"
        read = decode_event(example.value, payload)
        if example.topic.startswith("control."):
            assert decode_control(example.topic, example.key, example.value).payload is not None
        READERS.get(example.topic, len)(example.value)
        assert example.topic == "dead.letters" or place_record(example.topic, example.value)[0] == example.key
    lost = differences(wanted, json.loads(msgspec.json.encode(read)))
    assert not lost, "\n".join([*lost, WHAT_TO_DO])


def ticks_in(example: Example) -> int:
    """How many the codec of ticks takes, none refused."""
    value = np.frombuffer(example.value, np.uint8)
    ones = np.zeros(1, np.int64)
    batch = Batch(example.topic, value, np.array([len(value)]), ones.astype(np.int32), ones, ones)
    decoded = TickDecoder().decode(batch)
    assert not decoded.rejects
    return len(decoded.rows)


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """What of ``wanted`` is not in ``found``; fields that were added are no difference."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [line for name, value in wanted.items() for line in differences(value, found.get(name, "nothing"), f"{path}.{name}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{path}[{at}]")]
    same = kind_of(wanted) is kind_of(found) and wanted == found
    return [] if same else [f"{path}: stored {wanted!r}, read {found!r}"]


def kind_of(value: Any) -> type:
    """A JSON number is one, whether it has a point or not; a decimal as text is none."""
    return float if type(value) is int else type(value)


def test_every_payload_has_an_example_of_this_version() -> None:
    held = {example.topic for example in examples() if example.version == VERSION and example.topic in BARE}
    for example in examples():
        if example.version == VERSION and example.topic not in BARE:
            event_type = EventType(json.loads(example.value)["header"]["eventType"])
            held.add(f"{EVENT_PAYLOADS[event_type, example.topic]}")
    wanted = {f"{row.payload}" for row in EVENTS if row.payload is not None} | set(BARE)
    missing = sorted(wanted - held)
    assert not missing, f"store a record as it stands on the wire in tests/contract/examples/v{VERSION}, as the others there: {missing}"


Change = Callable[[dict[str, Any]], Any]


def schema(contract: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = contract["schemas"][name]
    return found


BREAKS: dict[str, tuple[Change, str]] = {
    "taken away": (lambda c: schema(c, "PnlChange")["properties"].pop("mark"), "PnlChange.mark was taken away or renamed"),
    "renamed": (
        lambda c: schema(c, "Bar")["properties"].update(openPrice=schema(c, "Bar")["properties"].pop("open")),
        "Bar.open was",
    ),
    "retyped": (lambda c: schema(c, "Bar")["properties"]["high"].update(type="string"), "Bar.high: type was 'number' and is 'string'"),
    "no longer null": (lambda c: schema(c, "PnlChange")["properties"].update(mark={"type": "number"}), "PnlChange.mark: it could be null"),
    "now null": (
        lambda c: schema(c, "Bar")["properties"].update(high={"anyOf": [{"type": "number"}, {"type": "null"}]}),
        "Bar.high: it can be null now",
    ),
    "newly required": (lambda c: schema(c, "OrderCommand")["required"].append("user"), "OrderCommand.user was optional"),
    "added and required": (
        lambda c: (schema(c, "Bar")["properties"].update(new={"type": "string"}), schema(c, "Bar")["required"].append("new")),
        "Bar.new was optional or not there",
    ),
    "another default": (lambda c: schema(c, "Account")["properties"]["currency"].update(default="EUR"), "Account.currency: it was 'USD'"),
    "a word taken away": (lambda c: schema(c, "OrderCommand")["properties"]["command"]["enum"].remove("cancel_all"), "cancel_all"),
    "bounded": (lambda c: schema(c, "Account")["properties"]["account"].update(maxLength=3), "Account.account: maxLength was 128 and is 3"),
    "a type of event taken away": (lambda c: c["topics"]["risk.alerts"]["carries"].pop("MARGIN_CALL"), "it carried MARGIN_CALL"),
    "another payload": (
        lambda c: c["topics"]["risk.alerts"]["carries"].update(MARGIN_CALL={"$ref": "#/components/schemas/Bar"}),
        "MARGIN_CALL: : $ref was",
    ),
    "another key": (lambda c: c["topics"]["portfolio.pnl"].update(key="symbol"), "topic portfolio.pnl: key was 'account and symbol'"),
    "a topic taken away": (lambda c: c["topics"].pop("signals"), "topic signals was taken away"),
    "a schema taken away": (lambda c: c["schemas"].pop("Lot"), "Lot was taken away"),
}

ADDS: dict[str, Change] = {
    "an optional field": lambda c: schema(c, "Bar")["properties"].update(new={"type": "string", "default": ""}),
    "a word": lambda c: schema(c, "OrderCommand")["properties"]["command"]["enum"].append("park"),
    "a type of event": lambda c: c["topics"]["signals"]["carries"].update(SIGNAL_DROPPED={"type": "object"}),
    "a payload that was not defined": lambda c: c["topics"]["analytics"]["carries"].update(
        ANALYTICS_UPDATE={"$ref": "#/components/schemas/Bar"}
    ),
    "a wider bound": lambda c: schema(c, "Account")["properties"]["account"].update(maxLength=256),
    "a topic": lambda c: c["topics"].update(new=c["topics"]["signals"]),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_what_breaks_is_said(kind: str) -> None:
    change, says = BREAKS[kind]
    old, new = contract_of("1"), copy.deepcopy(contract_of("1"))
    change(new)
    said = complaints(old, new)
    assert any(says in line for line in said), said
    assert complaints(old, old) == []


@pytest.mark.parametrize("kind", ADDS)
def test_what_is_only_added_is_allowed(kind: str) -> None:
    old, new = contract_of("1"), copy.deepcopy(contract_of("1"))
    ADDS[kind](new)
    assert complaints(old, new) == []
    assert additions(old, new)
