"""Interned symbols: a small integer for each name, the same for all of a process.

Columns hold the integer (the *code*), so that a tick moves as numbers. Codes differ from process to process and from run
to run: nothing that leaves a process or lies in stored state may contain one (``TickFrame`` pickles by name, operators
store names). The table is also laid out as flat arrays, so that a compiled scanner finds a code from the bytes of a name.
"""

from __future__ import annotations

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

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_MASK64 = (1 << 64) - 1


def fnv1a(name: bytes) -> int:
    """64-bit FNV-1a, as the compiled scanner computes it while it reads the bytes."""
    value = _FNV_OFFSET
    for byte in name:
        value = ((value ^ byte) * _FNV_PRIME) & _MASK64
    return value


def shard_of(name: bytes) -> int:
    """The shard of a symbol, 0 to SHARDS - 1: our own, so that upstream partitioning need not be trusted."""
    return (murmur2(name) * 0x9E3779B1 & 0xFFFFFFFF) >> 28


class SymbolTable:
    """Names and codes, append-only.

    Attributes:
        names: name of each code.
        shard: shape (capacity,), int8: shard of each code.
        key_hash: shape (capacity,), int32: ``murmur2 & 0x7fffffff`` of each code's name, for the partition of an output.
        slots: shape (power of two,), int32: open addressing by ``fnv1a``; code + 1, or 0 where free.
        hashes: shape (capacity,), uint64: ``fnv1a`` of each code's name.
        ends: shape (capacity,), int32: where each name ends in ``arena``.
        arena: uint8: the names' bytes, one after another.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self.shard: npt.NDArray[np.int8] = np.zeros(1024, np.int8)
        self.key_hash: npt.NDArray[np.int32] = np.zeros(1024, np.int32)
        self.slots: npt.NDArray[np.int32] = np.zeros(4096, np.int32)
        self.hashes: npt.NDArray[np.uint64] = np.zeros(1024, np.uint64)
        self.ends: npt.NDArray[np.int32] = np.zeros(1024, np.int32)
        self.arena: npt.NDArray[np.uint8] = np.zeros(16384, np.uint8)

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        """The code of a name, which is added if it is new.

        Raises:
            RejectedRecord: the name is empty, longer than MAX_SYMBOL_BYTES, or one more than MAX_SYMBOLS.
        """
        known = self._codes.get(name)
        return known if known is not None else self._add(name)

    def _add(self, name: str) -> int:
        raw = name.encode("utf-8", "surrogatepass")
        if not raw or len(raw) > MAX_SYMBOL_BYTES:
            raise RejectedRecord("symbol", f"expected a symbol of 1 to {MAX_SYMBOL_BYTES} bytes, found {len(raw)} bytes")
        code = len(self.names)
        if code >= MAX_SYMBOLS:
            raise RejectedRecord("symbol", f"expected at most {MAX_SYMBOLS} different symbols, {name!r} is one more")
        self._reserve(code, len(raw))
        start = int(self.ends[code - 1]) if code else 0
        self.arena[start : start + len(raw)] = np.frombuffer(raw, np.uint8)
        self.ends[code] = start + len(raw)
        self.hashes[code] = fnv1a(raw)
        self.shard[code] = shard_of(raw)
        self.key_hash[code] = murmur2(raw) & 0x7FFFFFFF
        self.names.append(name)
        self._codes[name] = code
        self._insert(code)
        return code

    def _insert(self, code: int) -> None:
        mask = len(self.slots) - 1
        at = int(self.hashes[code]) & mask
        while self.slots[at]:
            at = (at + 1) & mask
        self.slots[at] = code + 1

    def _reserve(self, code: int, size: int) -> None:
        if code >= len(self.shard):
            for column in ("shard", "key_hash", "hashes", "ends"):
                old = getattr(self, column)
                setattr(self, column, np.concatenate([old, np.zeros_like(old)]))
        start = int(self.ends[code - 1]) if code else 0
        if start + size > len(self.arena):
            self.arena = np.concatenate([self.arena, np.zeros_like(self.arena)])
        if 2 * (code + 1) > len(self.slots):
            self.slots = np.zeros(len(self.slots) * 2, np.int32)
            for known in range(code):
                self._insert(known)


SYMBOLS = SymbolTable()
"""The table of this process."""
