"""Ticks as columns: what flows inside where a million a second pass.

A ``TickFrame`` is one NumPy array of records (96 bytes a tick): its fields are columns, a tick is one and a half cache lines, so that
splitting by shard is a copy of whole records and a kernel takes one argument instead of fourteen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.shared_rows import Span
from schemas.symbols import SYMBOLS
from schemas.tick_packing import pack, unpack, unpack_shared

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


class TickFrame:
    """Ticks in the order in which they are to be applied. Pickles by symbol name, so that it may cross processes.

    Attributes:
        rows: shape (n,), dtype TICK; not changed once they are here.
    """

    __slots__ = ("_reduced", "rows")

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._reduced: tuple[object, tuple[object, ...]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """What stands for it on its way to another process.

        The engine pickles a frame twice for each step that it sends it to, to know the size and to send it. So what the first time makes is
        kept for the second, and not longer: in shared memory it can be read once.
        """
        kept, self._reduced = self._reduced, None
        if kept is not None:
            return kept
        packed, places, codes = pack(self.rows, len(SYMBOLS))
        names = [SYMBOLS.names[code] for code in codes.tolist()]
        if isinstance(packed, Span):
            self._reduced = _restore_shared, (*packed, len(self.rows), places, names)
        else:
            self._reduced = _restore, (packed, names, places)
        return self._reduced


def joined_frames(frames: Sequence[TickFrame]) -> TickFrame:
    """One frame of several, in their order. NumPy copies records field by field, bytes at once."""
    if len(frames) == 1:
        return frames[0]
    rows: Rows = np.concatenate([np.ascontiguousarray(frame.rows).view(np.uint8) for frame in frames]).view(TICK)
    return TickFrame(rows)


def _restore(packed: bytes, names: list[str], places: bytes) -> TickFrame:
    return TickFrame(unpack(packed, places, _codes(names), TICK))


def _restore_shared(lane: int, first: int, blocks: int, token: int, count: int, is_narrow: bool, names: list[str]) -> TickFrame:
    return TickFrame(unpack_shared(Span(lane, first, blocks, token), count, _codes(names), TICK, is_narrow=is_narrow))


def _codes(names: list[str]) -> npt.NDArray[np.int32]:
    """The last code is what the place -1 of a row without a symbol means."""
    return np.array([*map(SYMBOLS.code, names), NO_SYMBOL], np.int32)


def empty_rows(count: int) -> Rows:
    """Rows with every number absent, to be filled."""
    rows = np.zeros(count, TICK)
    for column in ("price", "size", "bid", "ask", "bid_size", "ask_size"):
        rows[column] = np.nan
    rows["sequence"] = NO_SEQUENCE
    rows["index"] = -1
    return rows
