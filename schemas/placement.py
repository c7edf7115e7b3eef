"""Where an event belongs: its message key, and what its partition is chosen by (see ``schemas/topics.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from schemas.events import Event
from schemas.json_errors import JSON_ERRORS

_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "orders.commands": (("orderId",), ("account",)),
    "orders.events": (("orderId", "executionId"), ("symbol", "account")),
    "control.instruments": (("symbol",), ()),
    "control.accounts": (("account",), ()),
    "control.limits": (("limitId",), ()),
    "control.trading": (("account", "scope"), ()),
    "control.rules": (("ruleId", "rule"), ()),
    "market.bars": (("symbol",), ("symbol",)),
    "market.marks": (("symbol",), ("symbol",)),
    "market.indicators": (("symbol",), ("symbol",)),
    "signals": (("symbol",), ("symbol",)),
    "risk.alerts": (("alertId",), ("account", "symbol")),
    "orders.updates": (("orderId",), ("account",)),
    "risk.exposure": (("account",), ("account",)),
}
"""Fields of the payload for the key and for the partition; the first that is given is taken. Else the event's id is both."""

_PAIRS = {"portfolio.positions": "symbol", "portfolio.pnl": "symbol", "portfolio.accounts": "currency"}
"""Topics whose key is the account and one field more, and whose partition is the account's."""

Fields = Callable[[str], object]
"""Value of a field of a payload by its name on the wire; None where it has none."""


class _Header(msgspec.Struct, rename="camel"):
    event_id: str = ""


class _Record(msgspec.Struct):
    header: _Header
    payload: dict[str, object]


_decode = msgspec.json.Decoder(_Record).decode


def place_record(topic: str, value: bytes) -> tuple[bytes, bytes]:
    """Key and partition key of an envelope; both empty where it is none (its reader makes a dead letter of it)."""
    try:
        found = _decode(value)
    except JSON_ERRORS:
        return b"", b""
    return _place(topic, found.payload.get, found.header.event_id)


def place_event(topic: str, event: Event[Any]) -> tuple[bytes, bytes]:
    """Key and partition key of an event that was made inside."""
    kind: Any = type(event.payload)
    names, payload = _attributes(kind), event.payload
    return _place(topic, lambda name: getattr(payload, names[name], None) if name in names else None, event.header.event_id)


@cache
def _attributes(kind: Any) -> Mapping[str, str]:
    return {field.encode_name: field.name for field in msgspec.structs.fields(kind)}


def _place(topic: str, fields: Fields, event_id: str) -> tuple[bytes, bytes]:
    if topic in _PAIRS:
        account = _first(fields, ("account",))
        return account + b"|" + _first(fields, (_PAIRS[topic],)), account
    keys, partition_keys = _KEYS.get(topic, ((), ()))
    key = _first(fields, keys) or event_id.encode("utf-8", "replace")
    if topic == "risk.alerts":
        return key, _alert_lane(fields)
    return key, _first(fields, partition_keys) or key


def _first(fields: Fields, names: tuple[str, ...]) -> bytes:
    texts = (fields(name) for name in names)
    return next((text.encode("utf-8", "replace") for text in texts if isinstance(text, str) and text), b"")


def _alert_lane(fields: Fields) -> bytes:
    """``account:A``, else ``symbol:X``, else ``firm``: no partition mixes what one account may see with what it may not."""
    account, symbol = _first(fields, ("account",)), _first(fields, ("symbol",))
    return b"account:" + account if account else b"symbol:" + symbol if symbol else b"firm"
