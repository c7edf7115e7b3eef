"""The codec of every topic but ``market.ticks``: one envelope a record, refused with a reason that names the field."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.events import Envelope, Header, P, RawEnvelope
from schemas.json_errors import JSON_ERRORS, explained, field_of, found_at, is_json, without_nan
from schemas.times import parse_time


@lru_cache(maxsize=256)
def _decoder(payload_type: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Envelope[payload_type])


_raw_decoder = msgspec.json.Decoder(RawEnvelope)


def decode_event(value: bytes, payload_type: type[P]) -> Envelope[P]:
    """The event in a record, its payload as ``payload_type``.

    Raises:
        RejectedRecord: it is no such event; reason and message say why.
    """
    event = _decoded(_decoder(payload_type), value)  # type: ignore[arg-type]
    time_of(event.header)
    return event  # type: ignore[no-any-return]


def event_decoder(payload_type: type[P]) -> Callable[[bytes], Envelope[P]]:
    """As ``decode_event`` for many events of one type; whether the header's time is one (``time_of``) the caller asks."""
    decode = _decoder(payload_type).decode  # type: ignore[arg-type]

    def decoded(value: bytes) -> Envelope[P]:
        try:
            return decode(value)  # type: ignore[no-any-return]
        except JSON_ERRORS as error:
            raise _refusal(value, error) from None

    return decoded


def open_envelope(value: bytes) -> RawEnvelope:
    """The envelope in a record, its payload still JSON (valid, and a view of ``value``).

    Raises:
        RejectedRecord: it is no envelope.
    """
    event = _decoded(_raw_decoder, value)
    time_of(event.header)
    return event  # type: ignore[no-any-return]


def _decoded(decoder: msgspec.json.Decoder[Any], value: bytes) -> Any:
    try:
        return decoder.decode(value)
    except JSON_ERRORS as error:
        raise _refusal(value, error) from None


def time_of(header: Header) -> int:
    """Event time that a header says, UTC ns.

    Raises:
        RejectedRecord: with reason ``time``.
    """
    try:
        return parse_time(header.timestamp)
    except ValueError as error:
        raise RejectedRecord(Reason.TIME, f"header.timestamp: {str(error)[:200]}") from None


def _refusal(value: bytes, error: Exception) -> RejectedRecord:
    if not is_json(value):  # asked first: msgspec stops at the first wrong field, whatever stands behind it
        mended = without_nan(value)
        if mended is not None and is_json(mended):
            return RejectedRecord(Reason.NUMBER, "expected finite numbers, found NaN or Infinity, which are no JSON")
        return RejectedRecord(Reason.MALFORMED, explained(error, value))
    reason = Reason.MALFORMED
    if isinstance(error, msgspec.ValidationError):
        field, missing = field_of(error)
        reason = Reason.MISSING_FIELD if missing else _reason(str(error), field, found_at(field, value))
    return RejectedRecord(reason, explained(error, value))


def _reason(message: str, field: str, found: str) -> Reason:
    """Of a field with a wrong value: a number is no number, a time no time; all else has a wrong shape."""
    if found == "null" and message.startswith("Expected"):
        return Reason.MISSING_FIELD
    if message.startswith(("Expected `float", "Expected `int`", "Expected `int | null", "Number out of", "Integer value out of")):
        return Reason.NUMBER
    return Reason.TIME if field.endswith("timestamp") else Reason.MALFORMED
