"""A header for a payload that came without one, so that a file of bare payloads can be written by hand."""

from __future__ import annotations

import msgspec

from schemas.events import LANES, EventType, Header
from schemas.json_errors import JSON_ERRORS
from schemas.times import format_time, parse_time
from schemas.topics import topic as topic_row

EVENT_TYPES = {
    "orders.commands": EventType.ORDER_COMMAND,
    "orders.events": EventType.EXECUTION_REPORT,
    "market.bars": EventType.BAR_CLOSED,
    "market.marks": EventType.PRICE_UPDATE,
    "portfolio.positions": EventType.POSITION_UPDATE,
    "portfolio.pnl": EventType.PNL_CHANGE,
    "portfolio.accounts": EventType.BALANCE_UPDATE,
    "risk.exposure": EventType.EXPOSURE_UPDATE,
    "signals": EventType.SIGNAL_GENERATED,
    "market.indicators": EventType.INDICATOR_UPDATE,
    "dead.letters": EventType.DEAD_LETTER,
    "risk.alerts": EventType.RISK_LIMIT_BREACH,
    "system.services": EventType.AGENT_STATUS_CHANGE,
    "system.health": EventType.SERVICE_HEALTH_CHECK,
    "notifications": EventType.USER_NOTIFICATION,
    "audit": EventType.AUDIT,
}
"""What a bare payload of a topic is; of ``control.*`` it is CONTROL_UPDATE, elsewhere ANALYTICS_UPDATE."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_time = msgspec.json.Decoder(str | int).decode


def is_envelope(value: bytes) -> bool:
    """Whether a JSON value has a header and a payload; what they hold is not looked at."""
    try:
        fields = _fields(value)
    except JSON_ERRORS:
        return False
    return "header" in fields and "payload" in fields


def envelope(topic: str, line: int, value: bytes, time_ns: int | None = None) -> bytes:
    """``value`` as it is, if it is an envelope or a tick, else in an envelope of its own.

    The header's time is the payload's ``timestamp`` if that is one, else ``time_ns``, else the Unix epoch plus the line's number in
    milliseconds; its id is made of topic and line.
    """
    if topic == "market.ticks" or is_envelope(value):
        return value
    topic_row(topic)
    event_type = EVENT_TYPES.get(topic, EventType.CONTROL_UPDATE if topic.startswith("control.") else EventType.ANALYTICS_UPDATE)
    where = f"{topic}|{line}"
    header = Header(
        event_id=where,
        correlation_id=where,
        event_type=event_type.value,
        priority=int(LANES[event_type]),
        timestamp=format_time(_timestamp_ns(value, line * 1_000_000 if time_ns is None else time_ns)),
        source="input",
    )
    return b'{"header":' + msgspec.json.encode(header) + b',"payload":' + value + b',"targetService":null}'


def _timestamp_ns(value: bytes, otherwise_ns: int) -> int:
    try:
        return parse_time(_time(_fields(value)["timestamp"]))
    except (*JSON_ERRORS, KeyError):
        return otherwise_ns
