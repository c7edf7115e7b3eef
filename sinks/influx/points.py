"""How an event becomes a point of InfluxDB: which measurement, which tags, which fields, and the line that says so.

A measurement is a topic with ``_`` for the dot. Its tags are the key fields of low cardinality, its fields the numbers of the payload
(and of what is read by people a few texts), its time is the event's own in nanoseconds. Names are the wire's in snake case.

The series and the time of a point are functions of its event alone, but for one tag: of different events of one series and one
nanosecond the second, third, ... have ``seq`` 1, 2, ... (``sinks/influx/ties.py``), so that none overwrites another.

This is the careful way, one event at a time. ``sinks/influx/lines.py`` writes the same bytes, a batch at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import cache, lru_cache
from math import isfinite
from typing import Any, get_args

import msgspec

from schemas.catalog import events_of
from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.event_codec import open_envelope
from schemas.events import Header
from schemas.json_errors import JSON_ERRORS
from schemas.times import parse_time


class Role(IntEnum):
    """What a field of a payload becomes."""

    SKIP = 0
    TAG = 1
    FLOAT = 2
    """A JSON number, or a decimal in quotes: money on the wire of orders and balances."""
    INTEGER = 3
    TEXT = 4
    """A field too: it tells events apart for who reads them, and would make a series of each if it were a tag."""
    VALUES = 5
    """An object of numbers by name: a field each, named as there, with a dot before the names of a deeper one."""
    ANY = 6
    """A number or boolean becomes a field, a text a field too, all else nothing."""


_TAGS: dict[str, tuple[str, ...]] = {
    "market.bars": ("interval", "symbol"),
    "market.marks": ("symbol",),
    "market.indicators": ("interval", "symbol"),
    "signals": ("action", "interval", "strategy", "symbol"),
    "portfolio.positions": ("account", "currency", "symbol"),
    "portfolio.pnl": ("account", "currency", "symbol"),
    "portfolio.accounts": ("account", "currency"),
    "risk.exposure": ("account", "currency", "scope"),
    "risk.alerts": ("account", "rule", "scope", "side", "state", "status", "strategy", "symbol", "venue"),
    "orders.updates": ("account", "orderType", "side", "status", "strategy", "symbol", "venue"),
    "system.health": ("component", "host", "instance", "service", "state", "status"),
}
"""Tags of each measurement, by their names on the wire, in the order of the alphabet, which InfluxDB sorts quickest."""

_TEXTS = frozenset({"orderId", "alertId", "limitId", "key", "reason", "user", "before"})

TYPE = "type"
"""Tag with the event's type, of topics that carry several."""

TOPICS = tuple(_TAGS)
"""What can be delivered."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload, and what becomes of it."""

    wire: str
    role: Role
    name: bytes
    """Of the tag or field, escaped."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """How the events of one topic are written."""

    topic: str
    name: bytes
    has_type: bool
    fields: Mapping[str, Field]
    """By name on the wire; of all types of events together."""
    tags: tuple[str, ...]
    """By name on the wire, in the order in which they are written."""
    others: Role
    """What becomes of a field that no payload of ours has."""


@dataclass(frozen=True, slots=True)
class Point:
    """One line, in pieces."""

    series: bytes
    """Measurement and tags, without ``seq``."""
    fields: bytes
    time_ns: int
    event_id: bytes

    def line(self, seq: int = 0) -> bytes:
        """As it is sent; ``seq`` counts the events before it of its series and time."""
        return b"%b%b %b %d" % (self.series, b",seq=%d" % seq if seq else b"", self.fields, self.time_ns)


@cache
def measurement(topic: str) -> Measurement:
    """That of a topic of ``TOPICS``."""
    rows, tags = events_of(topic), _TAGS[topic]
    fields: dict[str, Field] = {}
    for row in rows:
        for field in msgspec.structs.fields(row.payload) if row.payload else ():
            fields.setdefault(field.encode_name, _field(field.encode_name, field.type, tags))
    for tag in tags:
        fields.setdefault(tag, Field(tag, Role.TAG, snake(tag)))
    others = Role.SKIP if any(row.payload for row in rows) else Role.ANY
    has_type = len({row.event_type for row in rows if row.payload} or rows) > 1
    return Measurement(topic, topic.replace(".", "_").encode(), has_type, fields, tags, others)


def _field(wire: str, kind: Any, tags: tuple[str, ...]) -> Field:
    kinds = set(get_args(kind)) or {kind}
    role = Role.SKIP
    if wire in tags:
        role = Role.TAG
    elif float in kinds or Decimal in kinds:
        role = Role.FLOAT
    elif kinds <= {int, type(None)}:
        role = Role.INTEGER
    elif wire in _TEXTS:
        role = Role.TEXT
    elif any(getattr(one, "__origin__", None) is dict for one in (*kinds, kind)):
        role = Role.VALUES
    return Field(wire, role, snake(wire))


def snake(wire: str) -> bytes:
    """``tradeCount`` as ``trade_count``, escaped."""
    return escaped_name(re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found.group(1).lower(), wire))


_SPECIAL = re.compile(r"([,= ])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(maxsize=1 << 14)
def escaped_name(text: str) -> bytes:
    """Name or value of a tag, or name of a field.

    The protocol has no word for a line's end there, nor for a backslash that ends a text; they are written as a space and as a slash.
    """
    plain = _CONTROL.sub(" ", text).replace("\\", "/")
    return _SPECIAL.sub(r"\\\1", plain).encode("utf-8", "replace")


def _quoted(text: str) -> bytes:
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "replace") + b'"'


_payload = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_any = msgspec.json.Decoder().decode


def read_point(topic: str, value: bytes) -> Point:
    """The point of a record.

    Raises:
        RejectedRecord: it is no event, or has nothing to store.
    """
    envelope = open_envelope(value)
    try:
        return _point(measurement(topic), envelope.header, _payload(envelope.payload))
    except msgspec.ValidationError:
        raise RejectedRecord(Reason.MALFORMED, f"payload: expected an object, found {bytes(envelope.payload)[:40]!r}") from None
    except JSON_ERRORS as error:  # within a text, which nobody has looked at before
        raise RejectedRecord(Reason.MALFORMED, f"payload: expected JSON, found {str(error)[:200]}") from None


def _point(how: Measurement, header: Header, payload: Mapping[str, msgspec.Raw]) -> Point:
    series = [how.name]
    if how.has_type:
        series.append(b",type=" + escaped_name(header.event_type))
    for tag in how.tags:
        text = _tag(tag, payload.get(tag))
        if text:
            series.append(b",%b=%b" % (how.fields[tag].name, text))
    fields = b",".join(_fields(how, payload))
    if not fields:
        raise RejectedRecord(Reason.MISSING_FIELD, f"expected a number to store in {how.name.decode()}, found none")
    return Point(b"".join(series), fields, parse_time(header.timestamp), header.event_id.encode("utf-8", "replace"))


def _tag(name: str, raw: msgspec.Raw | None) -> bytes:
    if raw is None:
        return b""
    value = _any(raw)
    if isinstance(value, dict | list):
        raise RejectedRecord(Reason.MALFORMED, f"payload.{name}: expected a text, found {bytes(raw)[:40]!r}")
    return b"" if value is None else escaped_name(value if isinstance(value, str) else bytes(raw).decode())


def _fields(how: Measurement, payload: Mapping[str, msgspec.Raw]) -> Iterator[bytes]:
    for name, raw in payload.items():
        field = how.fields.get(name)
        role = how.others if field is None else field.role
        found = bytes(raw)
        if role in (Role.SKIP, Role.TAG) or found == b"null":
            continue
        written = snake(name) if field is None else field.name
        if role is Role.VALUES:
            yield from _values(name, "", _any(found))
            continue
        text = _WRITERS[role](name, found)
        if text:
            yield written + b"=" + text


def _values(name: str, prefix: str, values: Any) -> Iterator[bytes]:
    if not isinstance(values, dict):
        raise RejectedRecord(Reason.MALFORMED, f"payload.{name}: expected an object of numbers, found {str(values)[:40]!r}")
    for key, value in values.items():
        if isinstance(value, dict) and not prefix:
            yield from _values(name, f"{key}.", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield escaped_name(prefix + key) + b"=" + repr(float(value)).encode()


def _float(name: str, raw: bytes) -> bytes:
    text = _text(raw) if raw[:1] == b'"' else raw.decode()
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or text[:1] in {"t", "f"}:
        raise RejectedRecord(Reason.NUMBER, f"payload.{name}: expected a finite number, found {raw[:40].decode('utf-8', 'replace')}")
    return text.encode() if _PLAIN_NUMBER.fullmatch(text) else repr(number).encode()


_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def _integer(name: str, raw: bytes) -> bytes:
    try:
        number = int(raw)
    except ValueError:
        number = int(float(raw)) if _PLAIN_NUMBER.fullmatch(raw.decode()) and float(raw).is_integer() else 1 << 63
    if not -(1 << 63) < number < 1 << 63:
        raise RejectedRecord(Reason.NUMBER, f"payload.{name}: expected a whole number, found {raw[:40].decode('utf-8', 'replace')}")
    return b"%di" % number


def _as_text(name: str, raw: bytes) -> bytes:
    value = _any(raw)
    if not isinstance(value, str):
        raise RejectedRecord(Reason.MALFORMED, f"payload.{name}: expected a text, found {raw[:40].decode('utf-8', 'replace')}")
    return _quoted(value)


def _by_its_type(name: str, raw: bytes) -> bytes:
    if raw[:1] in {b"{", b"["}:
        return b""
    if raw[:1] in {b"t", b"f"}:
        return raw
    return _as_text(name, raw) if raw[:1] == b'"' else _float(name, raw)


_WRITERS = {Role.FLOAT: _float, Role.INTEGER: _integer, Role.TEXT: _as_text, Role.ANY: _by_its_type}
