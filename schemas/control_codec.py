"""Control events from the wire: what a person wrote, checked before it is put in force."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.catalog import CONTROLS
from schemas.control import Action, Control
from schemas.control_checks import check_control
from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.events import Place
from schemas.json_errors import JSON_ERRORS
from schemas.times import parse_time

_ID_FIELD = {"control.limits": "limit_id", "control.instruments": "symbol", "control.accounts": "account"}
"""What names an entry; an action is named by its event."""

NO_KEY = 'expected the key of the entry to delete, as in {"key": "L1", "value": null}, found none'

_shape = msgspec.json.Decoder(dict[str, msgspec.Raw])
_header = msgspec.json.Decoder(dict[str, Any])


def decode_control(topic: str, key: bytes | None, value: bytes, partition: int = 0, offset: int = 0) -> Control:
    """One record of a control topic: an envelope or its bare payload; an empty value deletes the entry of the key.

    Raises:
        RejectedRecord: it cannot be put in force; what was in force before stays.
    """
    place = Place(topic, partition, offset)
    if not value:
        if not key:
            raise RejectedRecord(Reason.CONTROL, NO_KEY)
        return Control(topic, key.decode("utf-8", "replace"), None, place=place)
    kind: Any = CONTROLS.get(topic, dict[str, Any])  # of rules nobody of ours knows the fields yet
    try:
        fields = _shape.decode(value)
        is_envelope = "header" in fields and "payload" in fields
        header = _header.decode(fields["header"]) if is_envelope else {}
        payload = msgspec.json.decode(bytes(fields["payload"]) if is_envelope else value, type=kind)
    except JSON_ERRORS as error:
        raise RejectedRecord(Reason.CONTROL, f"expected a {kind.__name__} on {topic}: {error}") from None
    if topic in CONTROLS:
        check_control(payload)
    event_id = str(header.get("eventId", ""))
    own_id = str(getattr(payload, _ID_FIELD[topic])) if topic in _ID_FIELD else event_id or (key or b"").decode("utf-8", "replace")
    time = payload.timestamp if isinstance(payload, Action) else None
    return Control(topic, own_id, payload, _time_ns(header.get("timestamp") if time is None else time), event_id, place)


def _time_ns(time: Any) -> int:
    """An event time; 0 where there is none."""
    if time is None:
        return 0
    try:
        return parse_time(time)
    except (ValueError, TypeError) as error:
        raise RejectedRecord(Reason.TIME, f"timestamp: {str(error)[:200]}") from None
