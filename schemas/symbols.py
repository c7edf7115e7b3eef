"""Interned symbols: a small integer for each name, the same for all of a process.

Columns hold the integer (the *code*), so that a tick moves as numbers. Codes differ from process to process and from run
to run: nothing that leaves a process or lies in stored state may contain one (``TickFrame`` pickles by name, operators
store names). The table is also laid out as flat arrays, so that a compiled scanner finds a code from the bytes of a name.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
import numpy.typing as npt

from schemas.errors import RejectedRecord
from schemas.partitioning import murmur2

SHARDS = 16
"""Fixed number of keys that all symbols are spread over. Part of stored state: never change it."""

MAX_SYMBOL_BYTES = 64
"""Longest symbol in UTF-8 bytes."""

MAX_SYMBOLS = 1 << 21
"""Bound of the table; a feed that makes up symbols without end is refused beyond it."""

MIX = 0x9E3779B97F4A7C15
_MASK64 = (1 << 64) - 1


def name_hash(name: bytes) -> int:
    """64-bit hash over little-endian words of 8 bytes (the last one padded with zeros), as the compiled scanner computes it."""
    value = 0
    for at in range(0, len(name), 8):
        value ^= int.from_bytes(name[at : at + 8], "little")
        value = value * MIX & _MASK64
        value = (value ^ value >> 32) * MIX & _MASK64
        value ^= value >> 32
    return value


def shard_of(name: bytes) -> int:
    """The shard of a symbol, 0 to SHARDS - 1: our own, so that upstream partitioning need not be trusted."""
    return _shard(murmur2(name))


def _shard(key_hash: int) -> int:
    return (key_hash * 0x9E3779B1 & 0xFFFFFFFF) >> 28


class SymbolTable:
    """Names and codes, append-only. Adding takes a lock; looking up, here and in compiled code without the GIL, takes none.

    Attributes:
        names: name of each code.
        shard: shape (capacity,), int8: shard of each code.
        key_hash: shape (capacity,), int32: ``murmur2 & 0x7fffffff`` of each code's name, for the partition of an output.
        ends: shape (capacity,), int32: where each name ends in ``arena``.
        arena: uint8: the names' bytes, one after another.
        slots: shape (power of two,), int64: open addressing by ``name_hash``, linear probing; ``length << 32 | code + 1``, or 0 where free.
        words: shape of slots, uint64: the first 8 bytes of the name in each slot, little-endian, padded with zeros.
        flat: slots, words, ends and arena as they belong together, for a reader without the GIL.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._lock = Lock()
        self._hashes: npt.NDArray[np.uint64] = np.zeros(1024, np.uint64)
        self.shard: npt.NDArray[np.int8] = np.zeros(1024, np.int8)
        self.key_hash: npt.NDArray[np.int32] = np.zeros(1024, np.int32)
        self.ends: npt.NDArray[np.int32] = np.zeros(1024, np.int32)
        self.arena: npt.NDArray[np.uint8] = np.zeros(16384, np.uint8)
        self.slots: npt.NDArray[np.int64] = np.zeros(4096, np.int64)
        self.words: npt.NDArray[np.uint64] = np.zeros(4096, np.uint64)
        self.flat = self.slots, self.words, self.ends, self.arena

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        """The code of a name, which is added if it is new.

        Raises:
            RejectedRecord: the name is empty, longer than MAX_SYMBOL_BYTES, or one more than MAX_SYMBOLS.
        """
        known = self._codes.get(name)
        if known is not None:
            return known
        with self._lock:
            known = self._codes.get(name)
            return known if known is not None else self._add(name)

    def _add(self, name: str) -> int:
        raw = name.encode("utf-8", "surrogatepass")
        if not raw or len(raw) > MAX_SYMBOL_BYTES:
            raise RejectedRecord("symbol", f"expected a symbol of 1 to {MAX_SYMBOL_BYTES} bytes, found {len(raw)} bytes")
        code = len(self.names)
        if code >= MAX_SYMBOLS:
            raise RejectedRecord("symbol", f"expected at most {MAX_SYMBOLS} different symbols, {name!r} is one more")
        start = int(self.ends[code - 1]) if code else 0
        self._reserve(code, start + len(raw))
        self.arena[start : start + len(raw)] = memoryview(raw)
        self.ends[code] = start + len(raw)
        key_hash, hashed = murmur2(raw), name_hash(raw)
        self._hashes[code] = hashed
        self.shard[code] = _shard(key_hash)
        self.key_hash[code] = key_hash & 0x7FFFFFFF
        self.names.append(name)
        self._codes[name] = code
        mask = len(self.slots) - 1
        at = hashed & mask
        while self.slots[at]:
            at = (at + 1) & mask
        self.words[at] = int.from_bytes(raw[:8], "little")
        self.slots[at] = len(raw) << 32 | code + 1  # last: a reader without the GIL sees the whole entry or none
        return code

    def _reserve(self, code: int, arena_bytes: int) -> None:
        """Room for one more. What a reader without the GIL holds stays whole: its slots never name a code beyond its other arrays."""
        if code >= len(self.shard):
            for column in ("shard", "key_hash", "_hashes", "ends"):
                old = getattr(self, column)
                setattr(self, column, np.concatenate([old, np.zeros_like(old)]))
        if arena_bytes > len(self.arena):
            self.arena = np.concatenate([self.arena, np.zeros_like(self.arena)])
        if 2 * (code + 1) > len(self.slots):
            self._spread(2 * len(self.slots))
        elif self.flat[2] is not self.ends or self.flat[3] is not self.arena:
            self.slots, self.words = self.slots.copy(), self.words.copy()
        if self.flat[0] is not self.slots:
            self.flat = self.slots, self.words, self.ends, self.arena

    def _spread(self, capacity: int) -> None:
        """Lay all entries out anew. All walk together, a slot a round; of those that meet in a free one, one stays."""
        taken = np.flatnonzero(self.slots)
        entries, firsts = self.slots[taken], self.words[taken]
        at = (self._hashes[(entries & 0xFFFFFFFF) - 1] & np.uint64(capacity - 1)).astype(np.int64)
        slots, words = np.zeros(capacity, np.int64), np.zeros(capacity, np.uint64)
        while len(entries):
            free = slots[at] == 0
            slots[at[free]] = entries[free]
            stays = slots[at] == entries
            words[at[stays]] = firsts[stays]
            entries, firsts, at = entries[~stays], firsts[~stays], (at[~stays] + 1) & (capacity - 1)
        self.words, self.slots = words, slots


SYMBOLS = SymbolTable()
"""The table of this process."""
