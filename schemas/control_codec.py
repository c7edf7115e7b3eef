"""Control events from the wire: what a person wrote, checked before it is put in force."""

from __future__ import annotations

import msgspec

from schemas.control import Control, Instrument, Limit
from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.events import Payload
from schemas.json_errors import JSON_ERRORS
from schemas.limits import check_instrument, check_limit

_PAYLOADS: dict[str, type[Payload]] = {"control.limits": Limit, "control.instruments": Instrument}
_ID_FIELD = {"control.limits": "limit_id", "control.instruments": "symbol"}
_shape = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode_control(topic: str, key: bytes | None, value: bytes) -> Control:
    """One record of a control topic: an envelope or its bare payload; an empty value deletes the entry of the key.

    Raises:
        RejectedRecord: it cannot be put in force; what was in force before stays.
    """
    if not value:
        if not key:
            raise RejectedRecord(Reason.CONTROL, "expected the key of the entry to delete, found none")
        return Control(topic, key.decode("utf-8", "replace"), None)
    try:
        fields = _shape.decode(value)
        raw = bytes(fields["payload"]) if "header" in fields and "payload" in fields else value
        payload = msgspec.json.decode(raw, type=_PAYLOADS[topic])
    except JSON_ERRORS as error:
        raise RejectedRecord(Reason.CONTROL, f"expected a {_PAYLOADS[topic].__name__} on {topic}: {error}") from None
    if isinstance(payload, Limit):
        check_limit(payload)
    elif isinstance(payload, Instrument):
        check_instrument(payload)
    return Control(topic, str(getattr(payload, _ID_FIELD[topic])), payload)
