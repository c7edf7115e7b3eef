"""What our own events look like as bytes, and what of them a line of InfluxDB's protocol takes: tables for a compiled loop."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np

from schemas.bus import Bytes1D, Int64s
from schemas.catalog import events_of
from schemas.json_bytes import READ_AHEAD
from sinks.influx.points import Role, measurement

MATCH, STRING, TAG, FLOAT, INTEGER, TIME, ID = range(7)
"""Kinds of pieces: a text that must stand there; a string that is passed over or becomes a field; what becomes a tag; a number or a decimal
in quotes; a whole number; time and id of the event."""

_LINE_BYTES = 64
"""Room that a line may need beside the bytes of its event and of its names: time, quotes, suffixes."""


class Layout:
    """What an event of a topic looks like, and what its line does.

    Args:
        topic: one whose events are laid out alike; see ``layout``.
        payload: theirs.
    """

    def __init__(self, topic: str, payload: type[Any]) -> None:
        how = measurement(topic)
        self._texts = bytearray()
        self.pieces: list[tuple[int, int, int]] = []
        tags: dict[str, int] = {}
        fields: list[tuple[int, bytes, int]] = []
        self._match(b'{"header":{"eventId":')
        self._piece(ID)
        self._match(b',"correlationId":')
        self._piece(STRING)
        self._match(b',"eventType":')
        tags["type"] = self._piece(TAG)
        self._match(b',"priority":')
        self._piece(INTEGER)
        self._match(b',"timestamp":"')
        self._piece(TIME)
        self._match(b'","source":')
        self._piece(STRING)
        self._match(b',"version":')
        self._piece(STRING)
        self._match(b'},"payload":')
        opening = b"{"
        for field in _always_written(payload):
            self._match(opening + b'"' + field.encode_name.encode() + b'":')
            opening = b","
            known = how.fields[field.encode_name]
            kind = _KINDS[known.role]
            place = self._piece(kind, nullable=1)
            if known.role is Role.TAG:
                tags[field.encode_name] = place
            elif known.role is not Role.SKIP:
                fields.append((place, known.name, kind))
        self._match(b'},"targetService":null}')
        start = len(self._texts)
        self._texts += how.name
        self.name = (start, len(self._texts))
        named = ([("type", b"type")] if how.has_type else []) + [(tag, how.fields[tag].name) for tag in how.tags]
        self.outs = [self._out(tags[tag], b"," + name + b"=", TAG) for tag, name in named if tag in tags]
        self.tags = len(self.outs)
        self.outs += [self._out(place, name + b"=", kind) for place, name, kind in fields]
        self.piece_array: Int64s = np.array(self.pieces, np.int64)
        self.out_array: Int64s = np.array(self.outs, np.int64)
        self.texts: Bytes1D = np.frombuffer(bytes(self._texts) + bytes(READ_AHEAD), np.uint8)
        self.room = _LINE_BYTES + len(how.name) + sum(4 + stop - start for _, start, stop, _ in self.outs)

    def _match(self, text: bytes) -> None:
        if self.pieces and self.pieces[-1][0] == MATCH:
            kind, start, _ = self.pieces.pop()
            self._texts += text
            self.pieces.append((kind, start, len(self._texts)))
            return
        self.pieces.append((MATCH, len(self._texts), len(self._texts) + len(text)))
        self._texts += text

    def _piece(self, kind: int, nullable: int = 0) -> int:
        self.pieces.append((kind, nullable, 0))
        return len(self.pieces) - 1

    def _out(self, place: int, name: bytes, kind: int) -> tuple[int, int, int, int]:
        start = len(self._texts)
        self._texts += name
        return (place, start, len(self._texts), kind)


_KINDS = {Role.SKIP: STRING, Role.TAG: TAG, Role.TEXT: STRING, Role.FLOAT: FLOAT, Role.INTEGER: INTEGER}


def _always_written(payload: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    """Without those that are left out where they have their default; an event that has one of them goes the careful way."""
    fields = msgspec.structs.fields(payload)
    return [field for field in fields if field.default is msgspec.NODEFAULT] if payload.__struct_config__.omit_defaults else list(fields)


@cache
def layout(topic: str) -> Layout | None:
    """That of most events of a topic; None: they are of no one form, or hold lists and objects."""
    payloads = [row.payload for row in events_of(topic) if row.payload]
    return None if topic in _OF_NO_ONE_FORM or not payloads else Layout(topic, payloads[0])


_OF_NO_ONE_FORM = frozenset({"signals", "market.indicators", "portfolio.positions", "system.health"})
"""Objects, lists, or any form: not many of them come in a second."""
