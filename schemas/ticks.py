"""Ticks as columns: what flows inside where a million a second pass.

A ``TickFrame`` is one NumPy array of records (96 bytes a tick): its fields are columns, a tick is one and a half cache lines, so that
splitting by shard is a copy of whole records and a kernel takes one argument instead of fourteen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.symbols import SYMBOLS

WATERMARK, TRADE, QUOTE = 0, 1, 2
"""Kinds of row. A WATERMARK row is no tick: it carries a partition's watermark to a shard (a heartbeat becomes one too)."""

BUY, SELL, NO_SIDE = 1, -1, 0

NO_SEQUENCE = -1

NO_SYMBOL = -1
"""Code in a WATERMARK row."""

TICK = np.dtype(
    [
        ("time", np.int64),  # event time, UTC ns
        ("price", np.float64),  # NaN: absent, as all numbers below
        ("size", np.float64),
        ("bid", np.float64),
        ("ask", np.float64),
        ("bid_size", np.float64),
        ("ask_size", np.float64),
        ("sequence", np.int64),  # NO_SEQUENCE: absent
        ("watermark", np.int64),  # largest event time of the partition up to and with this row
        ("offset", np.int64),  # of the record on the bus (pipe: the line)
        ("symbol", np.int32),  # code in schemas.symbols.SYMBOLS
        ("partition", np.int32),
        ("index", np.int32),  # place within a record that holds an array; -1 where the record is one tick
        ("kind", np.int8),
        ("side", np.int8),
    ],
    align=True,
)

Rows = npt.NDArray[np.void]
"""Shape (n,), dtype TICK."""


@dataclass(frozen=True, slots=True, eq=False)
class TickFrame:
    """Ticks in the order in which they are to be applied. Pickles by symbol name, so that it may cross processes."""

    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def __reduce__(self) -> tuple[object, tuple[bytes, list[str], bytes]]:
        codes, places = np.unique(self.rows["symbol"], return_inverse=True)
        names = [SYMBOLS.names[code] if code >= 0 else "" for code in codes.tolist()]
        return _restore, (self.rows.tobytes(), names, places.astype(np.int32).tobytes())


def _restore(rows: bytes, names: list[str], places: bytes) -> TickFrame:
    copy = np.frombuffer(bytearray(rows), TICK)
    codes = np.array([SYMBOLS.code(name) if name else NO_SYMBOL for name in names], np.int32)
    if len(copy):
        copy["symbol"] = codes[np.frombuffer(places, np.int32)]
    return TickFrame(copy)


def empty_rows(count: int) -> Rows:
    """Rows with every number absent, to be filled."""
    rows = np.zeros(count, TICK)
    for column in ("price", "size", "bid", "ask", "bid_size", "ask_size"):
        rows[column] = np.nan
    rows["sequence"] = NO_SEQUENCE
    rows["index"] = -1
    return rows
