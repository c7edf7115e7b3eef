"""The keys of a topic's columns as a table that compiled code looks into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.archive.columns import columns_of
from schemas.bus import Int64s
from schemas.catalog import BARE
from schemas.json_bytes import word_at
from schemas.kernels import leaf
from schemas.symbols import MIX

UNKNOWN, HEADER, PAYLOAD = -1, -2, -3
"""In place of a column: a key that has none, and those whose objects have columns within."""

_KEY_SLOTS = 256
_MIX = np.uint64(MIX)
_SHIFT = np.uint64(56)
_WIDTHS = np.array([(1 << 8 * width) - 1 for width in range(8)] + [(1 << 64) - 1], np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """Three words of a key, its length and its object, in a slot each."""

    words: npt.NDArray[np.uint64]
    """Shape (3, _KEY_SLOTS)."""
    marks: Int64s
    """Shape (_KEY_SLOTS,): length * 4 + object (0 the outer one, 1 the header, 2 the payload), -1 where free."""
    columns: Int64s
    """Shape (_KEY_SLOTS,): number of the column, or HEADER, PAYLOAD."""
    kinds: Int64s
    """Kind of each column."""
    is_array: bool
    """A record may be an array of rows."""


@lru_cache(maxsize=64)
def keys_of(topic: str) -> Keys:
    """The keys of a topic's columns."""
    columns = columns_of(topic)
    found: dict[tuple[int, bytes], int] = {}
    for number, column in enumerate(columns):
        inside = {"header": 1, "payload": 2}[column.path[0]] if len(column.path) > 1 else 0
        found[inside, column.path[-1].encode()] = number
        if inside:
            found[0, column.path[0].encode()] = (UNKNOWN, HEADER, PAYLOAD)[inside]
    words: npt.NDArray[np.uint64] = np.zeros((3, _KEY_SLOTS), np.uint64)
    marks: Int64s = np.full(_KEY_SLOTS, -1, np.int64)
    numbers: Int64s = np.full(_KEY_SLOTS, UNKNOWN, np.int64)
    for (inside, key), number in found.items():
        assert len(key) <= 24, f"a key of at most 24 bytes is found, {key!r} is longer"
        three = [int.from_bytes(key[at : at + 8], "little") for at in (0, 8, 16)]
        mark = len(key) * 4 + inside
        slot = _key_slot(three, mark)
        while marks[slot] >= 0:
            slot = (slot + 1) % _KEY_SLOTS
        words[:, slot], marks[slot], numbers[slot] = three, mark, number
    return Keys(words, marks, numbers, np.array([int(column.kind) for column in columns], np.int64), topic in BARE)


def _key_slot(words: list[int], mark: int) -> int:
    hashed = (words[0] ^ words[1] * 3 ^ words[2] * 5 ^ mark) * MIX & (1 << 64) - 1
    return hashed >> 56


@leaf
def column_at(data: Any, at: int, length: int, inside: int, words: Any, marks: Any, columns: Any) -> Any:
    """The column of the key that starts at a position, within the outer object (0), the header (1) or the payload (2)."""
    if length > 24:
        return UNKNOWN
    first = word_at(data, at) & _WIDTHS[min(length, 8)]
    second = word_at(data, at + 8) & _WIDTHS[length - 8] if 8 < length <= 16 else (word_at(data, at + 8) if length > 16 else np.uint64(0))
    third = word_at(data, at + 16) & _WIDTHS[length - 16] if length > 16 else np.uint64(0)
    mark = length * 4 + inside
    slot = np.int64(((first ^ second * np.uint64(3) ^ third * np.uint64(5) ^ np.uint64(mark)) * _MIX) >> _SHIFT)
    while marks[slot] >= 0:
        if marks[slot] == mark and words[0, slot] == first and words[1, slot] == second and words[2, slot] == third:
            return columns[slot]
        slot = (slot + 1) & (_KEY_SLOTS - 1)
    return UNKNOWN
