"""The table of symbols, and its flat form as compiled code walks it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedRecord
from schemas.partitioning import murmur2
from schemas.symbols import MAX_SYMBOL_BYTES, SHARDS, SymbolTable, name_hash, shard_of


def found(flat: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], raw: bytes) -> int:
    """The code of a name by the flat arrays alone, -1 if it is not there."""
    slots, words, ends, arena = flat
    at = name_hash(raw) & len(slots) - 1
    while slots[at]:
        code = (int(slots[at]) & 0xFFFFFFFF) - 1
        alike = int(slots[at]) >> 32 == len(raw) and int(words[at]) == int.from_bytes(raw[:8], "little")
        if alike and arena[int(ends[code]) - len(raw) : int(ends[code])].tobytes() == raw:
            return code
        at = (at + 1) & len(slots) - 1
    return -1


SYMBOL = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16)


@settings(deadline=None)
@given(st.lists(SYMBOL, max_size=60), st.lists(SYMBOL, max_size=10))
def test_codes_count_up_and_stay(names: list[str], others: list[str]) -> None:
    table = SymbolTable()
    codes = [table.code(name) for name in names]
    first_seen = list(dict.fromkeys(names))
    assert codes == [first_seen.index(name) for name in names]
    assert table.names == first_seen
    assert len(table) == len(first_seen)
    for name in {*names, *others}:
        assert found(table.flat, name.encode()) == (first_seen.index(name) if name in first_seen else -1)


def test_growth_keeps_every_entry_and_every_older_view_whole() -> None:
    table = SymbolTable()
    names = [f"S{place}" if place % 3 else f"A-LONG-NAME-{place:040d}" for place in range(5000)]
    views = []
    for place, name in enumerate(names):
        if place in (1000, 1023, 1024, 2047, 2048, 4100):
            views.append(table.flat)
        assert table.code(name) == place
    for code, name in enumerate(names):
        raw = name.encode()
        assert found(table.flat, raw) == code
        assert table.shard[code] == shard_of(raw)
        assert table.key_hash[code] == murmur2(raw) & 0x7FFFFFFF
    for slots, _, ends, arena in views:
        codes = (slots[slots != 0] & 0xFFFFFFFF) - 1
        assert codes.max() < len(ends)
        assert ends[codes].max() <= len(arena)


def test_names_that_differ_late_or_in_zeros_do_not_meet() -> None:
    table = SymbolTable()
    names = ["A", "A\0", "A\0\0", "ABCDEFGH", "ABCDEFGH\0", "ABCDEFGHI", "ABCDEFGHJ", "B" * 63, "B" * 64]
    assert [table.code(name) for name in names] == list(range(len(names)))
    assert [found(table.flat, name.encode()) for name in names] == list(range(len(names)))


@pytest.mark.parametrize("name", ["", "x" * (MAX_SYMBOL_BYTES + 1), "ä" * 33])
def test_length_in_bytes_is_bound(name: str) -> None:
    table = SymbolTable()
    with pytest.raises(RejectedRecord, match="1 to 64 bytes"):
        table.code(name)
    assert len(table) == 0


def test_shards_are_used_evenly() -> None:
    counts = np.bincount([shard_of(f"SYM{place:05d}".encode()) for place in range(16_000)], minlength=SHARDS)
    assert len(counts) == SHARDS
    assert counts.min() > 850
    assert counts.max() < 1150


def test_hash_spreads_names_that_differ_in_one_letter() -> None:
    slots = {name_hash(f"SYM{place:05d}".encode()) & 0x1FFFF for place in range(65_536)}
    assert len(slots) > 0.75 * 65_536  # evenly at random: 0.787
