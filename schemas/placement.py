"""Where an event belongs: its message key, and what its partition is chosen by (see ``schemas/topics.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from schemas.events import Event, Header
from schemas.json_errors import JSON_ERRORS
from schemas.partitioning import key_hash

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
    "risk.exposure": (("account", "scope"), ("account", "scope")),
}
"""Fields of the payload for the key and for the partition; the first that is given is taken. Else the event's id is both."""

_PAIRS = {"portfolio.positions": "symbol", "portfolio.pnl": "symbol", "portfolio.accounts": "currency"}
"""Topics whose key is the account and one field more, and whose partition is the account's."""

Fields = Callable[[str], object]
"""Value of a field of a payload by its name on the wire; None where it has none."""


_SIDE_BY_SIDE = {"MARGIN_UPDATE": b"|margin"}
"""Added to the key of a type that stands on a compacted topic beside another with the same fields."""


class _Header(msgspec.Struct, rename="camel"):
    event_id: str = ""
    event_type: str = ""


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
    return _place(topic, found.payload.get, found.header)


def place_event(topic: str, event: Event[Any]) -> tuple[bytes, bytes]:
    """Key and partition key of an event that was made inside."""
    payload = event.payload
    if topic in _PAIRS:
        return _pair(payload.account, getattr(payload, _PAIRS[topic]))
    return _place(topic, _Attributes(payload).get, event.header)


def place_events(topic: str, events: Iterable[Event[Any]]) -> list[tuple[bytes, int]]:
    """Key of each, and the hash of its partition key."""
    second = _PAIRS.get(topic)
    if second is None:
        return [(key, key_hash(partition_key)) for key, partition_key in (place_event(topic, event) for event in events)]
    pair_of = attrgetter("payload.account", f"payload.{second}")
    return [_hashed_pair(pair_of(event)) for event in events]


class _Attributes:
    """A payload's fields by their names on the wire."""

    __slots__ = ("_names", "_payload")

    def __init__(self, payload: Any) -> None:
        kind: Any = type(payload)
        self._names = _names_of(kind)
        self._payload = payload

    def get(self, name: str) -> object:
        return getattr(self._payload, self._names[name]) if name in self._names else None


@cache
def _names_of(kind: Any) -> Mapping[str, str]:
    return {field.encode_name: field.name for field in msgspec.structs.fields(kind)}


@lru_cache(maxsize=1 << 17)
def _pair(account: str, other: str) -> tuple[bytes, bytes]:
    partition_key = account.encode("utf-8", "replace")
    return partition_key + b"|" + other.encode("utf-8", "replace"), partition_key


@lru_cache(maxsize=1 << 17)
def _hashed_pair(pair: tuple[str, str]) -> tuple[bytes, int]:
    key, partition_key = _pair(*pair)
    return key, key_hash(partition_key)


def _place(topic: str, fields: Fields, header: _Header | Header) -> tuple[bytes, bytes]:
    if topic in _PAIRS:
        return _pair(_text(fields, ("account",)), _text(fields, (_PAIRS[topic],)))
    keys, partition_keys = _KEYS.get(topic, ((), ()))
    key = (_text(fields, keys) or header.event_id).encode("utf-8", "replace")
    if topic == "risk.alerts":
        return key, _alert_lane(fields)
    partition_key = _text(fields, partition_keys).encode("utf-8", "replace") or key
    return key + _SIDE_BY_SIDE.get(header.event_type, b""), partition_key


def _text(fields: Fields, names: tuple[str, ...]) -> str:
    for name in names:
        text = fields(name)
        if isinstance(text, str) and text:
            return text
    return ""


def _alert_lane(fields: Fields) -> bytes:
    """``account:A``, else ``symbol:X``, else ``firm``: no partition mixes what one account may see with what it may not."""
    account, symbol = _text(fields, ("account",)), _text(fields, ("symbol",))
    return (f"account:{account}" if account else f"symbol:{symbol}" if symbol else "firm").encode("utf-8", "replace")
