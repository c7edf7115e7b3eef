"""Interned names other than symbols: a small integer for each account, currency and reason, the same for all of a process.

As with symbols nothing that leaves a process or lies in stored state may contain such a code.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
import numpy.typing as npt

from schemas.errors import RejectedRecord
from schemas.partitioning import murmur2
from schemas.symbols import shard_of

MAX_NAMES = 1 << 21
"""Bound of a table."""


class NameTable:
    """Names and codes, append-only. Adding takes a lock, looking up none.

    Attributes:
        names: name of each code.
        shard: shape (capacity,), int8: shard of each code.
        key_hash: shape (capacity,), int32: ``murmur2 & 0x7fffffff`` of each code's name.
    """

    def __init__(self, kind: str, *, limit: int = MAX_NAMES) -> None:
        self.names: list[str] = []
        self._kind = kind
        self._limit = limit
        self._codes: dict[str, int] = {}
        self._lock = Lock()
        self.shard: npt.NDArray[np.int8] = np.zeros(64, np.int8)
        self.key_hash: npt.NDArray[np.int32] = np.zeros(64, np.int32)

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        """The code of a name, which is added if it is new.

        Raises:
            RejectedRecord: it is one more than the table may hold.
        """
        known = self._codes.get(name)
        if known is not None:
            return known
        with self._lock:
            known = self._codes.get(name)
            return known if known is not None else self._add(name)

    def _add(self, name: str) -> int:
        code = len(self.names)
        if code >= self._limit:
            raise RejectedRecord(self._kind, f"expected at most {self._limit} different names ({self._kind}), {name[:64]!r} is one more")
        if code >= len(self.shard):
            self.shard = np.concatenate([self.shard, np.zeros_like(self.shard)])
            self.key_hash = np.concatenate([self.key_hash, np.zeros_like(self.key_hash)])
        raw = name.encode("utf-8", "surrogatepass")
        self.shard[code] = shard_of(raw)
        self.key_hash[code] = murmur2(raw) & 0x7FFFFFFF
        self.names.append(name)
        self._codes[name] = code
        return code


ACCOUNTS = NameTable("unknown_account")
CURRENCIES = NameTable("execution")
REASONS = NameTable("execution")
"""Why a value is null."""
