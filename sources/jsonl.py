"""JSON lines, plain or gzip: ``{"topic": ..., "value": ...}`` or, for one topic, bare values.

On a control topic ``{"topic": ..., "key": ..., "value": null}`` deletes the entry of the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO

import msgspec

from schemas.dead_letters import Reason
from schemas.json_errors import JSON_ERRORS, explained, without_nan
from schemas.topics import TOPICS
from sources.input_files import CHUNK_BYTES, Source, chunks
from sources.table import BadLine


@dataclass(frozen=True, slots=True, eq=False)
class LineBlock:
    """Some lines of a file, as columns of equal length, and the lines that are none."""

    lines: list[int]
    """Number of each line, from 1."""
    topics: list[str]
    values: list[bytes]
    """JSON as it stands in the line: an envelope or a bare payload (of ticks also an array); empty: the line deletes an entry."""
    rejects: list[BadLine] = field(default_factory=list)
    keys: dict[int, bytes] = field(default_factory=dict)
    """By line, of those that delete: which entry; a line that does not say it is not in here."""


class _Line(msgspec.Struct, gc=False):
    topic: str | msgspec.UnsetType = msgspec.UNSET
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Deletion(msgspec.Struct, gc=False):
    key: str


_decode = msgspec.json.Decoder(_Line).decode
_decode_deletion = msgspec.json.Decoder(_Deletion).decode
_check = msgspec.json.Decoder(msgspec.Raw).decode


def read_lines(source: Source, topic: str | None = None, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[LineBlock]:
    """The records of a file or a stream; blank lines are passed over.

    Args:
        topic: of lines that are bare values; None: every line says its own.

    Raises:
        InputFileError: the file cannot be read.
    """
    number = 0
    for chunk in chunks(source, chunk_bytes):
        block = LineBlock([], [], [])
        for line in BytesIO(chunk):
            number += 1
            text = line.strip()
            if text:
                _add(block, number, text, topic)
        yield block


def _add(block: LineBlock, number: int, text: bytes, topic: str | None) -> None:
    found = _split(text, topic)
    if isinstance(found, str):
        block.rejects.append(BadLine(number, Reason.MALFORMED, found, text))
        return
    named, value = found
    if value == b"null" and TOPICS[named].single:
        value = b""
        with suppress(*JSON_ERRORS):
            block.keys[number] = _decode_deletion(text).key.encode("utf-8", "surrogatepass")
    block.lines.append(number)
    block.topics.append(named)
    block.values.append(value)


def _split(text: bytes, topic: str | None) -> tuple[str, bytes] | str:
    """Topic and value, or what is wrong."""
    try:
        line = _decode(text) if text[:1] == b"{" else _Line(value=_check(text))
        if line.value is msgspec.UNSET and topic is not None:
            return topic, text
    except JSON_ERRORS as error:
        if topic is None or not isinstance(error, msgspec.ValidationError):
            return _with_nan(text, topic) or explained(error, text)
        return topic, text
    named = line.topic if line.topic is not msgspec.UNSET else topic
    if named is None or line.value is msgspec.UNSET:
        return f'expected {{"topic": ..., "value": ...}}, found {_shown(text)}'
    if named not in TOPICS:
        return f"expected one of the topics, found {named[:60]!r}"
    return named, bytes(line.value)


def _with_nan(text: bytes, topic: str | None) -> tuple[str, bytes] | None:
    """Topic and value of a line that is JSON but for NaN or Infinity: whoever reads the value says which of its elements are bad."""
    mended = without_nan(text)
    found = _split(mended, topic) if mended is not None else ""
    if mended is None or isinstance(found, str):
        return None
    start = mended.rfind(found[1])  # mended is as long as the line, position for position
    return found[0], text[start : start + len(found[1])]


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("utf-8", "replace"))
