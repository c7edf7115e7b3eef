"""The careful way from a record to rows, for what the compiled scanner declines: what can be read in columns, and all of it as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import msgspec

from schemas.archive.columns import DECIMAL_SCALE, ArchiveColumn, Kind
from schemas.json_errors import JSON_ERRORS
from schemas.times import parse_time

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_decode_parts = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode

_MAX_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class DeclinedRow:
    """A row that bears its own bytes."""

    index: int
    count: int
    values: list[Any]
    """Of each column, None where there is none."""
    raw: bytes | None
    """None: a tombstone."""


def read_declined(raw: bytes, columns: tuple[ArchiveColumn, ...], *, is_array: bool) -> Iterator[DeclinedRow]:
    """The rows of one record: of each element where it is an array that can be read, else one. Their bytes together are the record's."""
    if not raw:
        yield DeclinedRow(-1, 1, [None] * len(columns), None)
        return
    parts = _parts(raw) if is_array and raw.lstrip(b" \t\r\n")[:1] == b"[" else []
    if not parts:
        yield DeclinedRow(-1, 1, _values(raw, columns), raw)
    for index, (element, whole) in enumerate(parts):
        yield DeclinedRow(index, len(parts), _values(element, columns), whole)


def _parts(raw: bytes) -> list[tuple[bytes, bytes]]:
    """(element, its bytes with what stands before it) of an array; the last has what stands behind it too."""
    try:
        elements = [bytes(part) for part in _decode_parts(raw)]
    except JSON_ERRORS:
        return []
    found: list[tuple[bytes, bytes]] = []
    copied = 0
    for number, element in enumerate(elements):
        start = raw.find(element, copied + (number == 0))  # only commas and spaces stand between, so the first place is the right one
        end = start + len(element)
        found.append((element, raw[copied:end] if number < len(elements) - 1 else raw[copied:]))
        copied = end
    return found


def _values(raw: bytes, columns: tuple[ArchiveColumn, ...]) -> list[Any]:
    try:
        decoded = _decode(raw)
    except (*JSON_ERRORS, InvalidOperation):
        return [None] * len(columns)
    return [_value(_at(decoded, column.path), column.kind) for column in columns]


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _value(value: Any, kind: Kind) -> Any:
    """The value as its column takes it; None where it is not of that kind."""
    if value is None:
        return None
    if kind is Kind.BOOL:
        return value if isinstance(value, bool) else None
    if kind is Kind.JSON:
        return _encode(value).decode()
    if kind is Kind.TEXT:
        return value if isinstance(value, str) else None
    return None if isinstance(value, bool) else _number(value, kind)


def _number(value: Any, kind: Kind) -> Any:
    if kind is Kind.FLOAT:
        try:
            number = float(value) if isinstance(value, int | Decimal) else None
        except OverflowError:
            return None
        return number if number is not None and isfinite(number) else None
    if kind is Kind.INTEGER:
        return value if isinstance(value, int) and -_MAX_INTEGER <= value < _MAX_INTEGER else None
    if kind is Kind.TIME:
        try:
            return parse_time(value) if isinstance(value, int | str) else None
        except ValueError:
            return None
    return _decimal(value)


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(value) if isinstance(value, int | str | Decimal) else None
    except InvalidOperation:
        return None
    if number is None or not number.is_finite():
        return None
    places = number.as_tuple().exponent
    fits = isinstance(places, int) and places >= -DECIMAL_SCALE and number.adjusted() < 38 - DECIMAL_SCALE
    return number if fits else None
