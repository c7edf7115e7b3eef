r"""The shape of an archived row: its bytes with a hole for each value that a column holds, so that both together are the bytes again.

A shape is text: what is the same in many rows, and between ``\x01`` the holes as ``column.form``. The form says how the value was
written where JSON has several ways: ``time9`` has nine decimals, ``fixed2`` two, ``whole`` is a float without a point. A shape has no
other control characters than JSON's white space, and is ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

MARK = 1
"""Byte around holes."""


class Form(IntEnum):
    """How a value was written. 0: there is no value."""

    TEXT = 1
    INTEGER = 2
    WHOLE = 3
    """A float without point and exponent."""
    FLOAT = 4
    """The shortest text that reads as the same double, as msgspec writes it."""
    UNPROVEN = 5
    """Maybe that: who scans compares it."""
    EPOCH = 6
    """A time as integer nanoseconds."""
    JSON = 7
    TRUE = 8
    FALSE = 9
    TIME = 16
    """RFC 3339 in UTC ending in Z; and the decimals, 0 to 9."""
    FIXED = 32
    """A float with so many decimals, 1 to 9, the last of which is 0; and those."""
    DECIMAL = 48
    """A decimal that has no zero as its last decimal."""
    SCALED = 49
    """A decimal with so many decimals, 0 to 18; and those."""


_NAMES = {Form.TEXT: "text", Form.INTEGER: "int", Form.WHOLE: "whole", Form.FLOAT: "float", Form.EPOCH: "epoch", Form.JSON: "json"}
_NAMES[Form.DECIMAL] = "decimal"
_FORMS: dict[str, int] = {name: int(form) for form, name in _NAMES.items()}
_FORMS |= {f"time{places}": Form.TIME + places for places in range(10)}
_FORMS |= {f"fixed{places}": Form.FIXED + places for places in range(1, 10)}
_FORMS |= {f"decimal{places}": Form.SCALED + places for places in range(19)}
_TEXTS = {form: name for name, form in _FORMS.items()}


def shape_text(raw: bytes, columns: Sequence[str]) -> str:
    """A shape as the scanner makes it, in which a hole is MARK, column number and form, as text."""
    parts, at = [], 0
    while (hole := raw.find(MARK, at)) >= 0:
        parts += [raw[at:hole].decode("ascii"), f"{columns[raw[hole + 1]]}.{_TEXTS[raw[hole + 2]]}"]
        at = hole + 3
    return "\x01".join([*parts, raw[at:].decode("ascii")])


def shape_parts(shape: str) -> list[tuple[str, int]]:
    """What a shape is made of, in order: (text, 0), or (column, form) of a hole."""
    found = []
    for place, part in enumerate(shape.split("\x01")):
        if place % 2:
            column, _, form = part.rpartition(".")
            found.append((column, _FORMS[form]))
        elif part:
            found.append((part, 0))
    return found
