"""Where an event from outside belongs: its message key and what its partition is chosen by (see ``schemas/topics.py``)."""

from __future__ import annotations

import msgspec

from schemas.json_errors import JSON_ERRORS

_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "orders.commands": (("orderId",), ("account",)),
    "orders.events": (("orderId", "executionId"), ("symbol",)),
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


class _Header(msgspec.Struct, rename="camel"):
    event_id: str = ""


class _Event(msgspec.Struct):
    header: _Header
    payload: dict[str, object]


_decode = msgspec.json.Decoder(_Event).decode


def route_event(topic: str, event: bytes) -> tuple[bytes, bytes]:
    """Key and partition key of an event that is an envelope; both empty where it is none (its reader makes a dead letter of it)."""
    try:
        found = _decode(event)
    except JSON_ERRORS:
        return b"", b""
    event_id = found.header.event_id.encode("utf-8", "replace")
    if topic in _PAIRS:
        account = _first(found.payload, ("account",))
        return account + b"|" + _first(found.payload, (_PAIRS[topic],)), account
    keys, partition_keys = _KEYS.get(topic, ((), ()))
    key = _first(found.payload, keys) or event_id
    if topic == "risk.alerts":
        return key, _alert_lane(found.payload)
    return key, _first(found.payload, partition_keys) or key


def _first(payload: dict[str, object], names: tuple[str, ...]) -> bytes:
    texts = (payload.get(name) for name in names)
    return next((text.encode("utf-8", "replace") for text in texts if isinstance(text, str) and text), b"")


def _alert_lane(payload: dict[str, object]) -> bytes:
    account, symbol = _first(payload, ("account",)), _first(payload, ("symbol",))
    return b"account:" + account if account else b"symbol:" + symbol if symbol else b"firm"
