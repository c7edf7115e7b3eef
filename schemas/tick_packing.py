"""Rows on their way to another process: by the names of their symbols, and without the columns that trades do not have.

What is pickled is copied a dozen times (pickled twice, sent, received, read), so each byte of a tick counts that often. Where
processes share memory (``schemas/shared_rows.py``) rows are packed into it and read out of it, and only a reference is pickled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel
from schemas.shared_rows import Lanes, Span, lanes_in_use

Int32s = npt.NDArray[np.int32]
Records = npt.NDArray[np.void]

_COMMON = [("time", np.int64), ("sequence", np.int64), ("watermark", np.int64), ("offset", np.int64)]
_ENDS = [("symbol", np.int32), ("partition", np.int32), ("index", np.int32), ("kind", np.int8), ("side", np.int8)]

PACKED_TRADE = np.dtype([*_COMMON, ("price", np.float64), ("size", np.float64), *_ENDS], align=True)
"""64 bytes. ``symbol`` is a place among the names that go with the rows, -1 where there is none."""


@kernel
def _place(rows: Records, place_of: Int32s, codes: Int32s, places: Int32s) -> int:
    """Names each code once; ``place_of`` is -1 throughout, before and after. Negative: all rows are without quotes."""
    count, quotes = 0, 0
    for at in range(rows.size):
        row = rows[at]
        if row["bid"] == row["bid"] or row["ask"] == row["ask"] or row["bid_size"] == row["bid_size"] or row["ask_size"] == row["ask_size"]:
            quotes += 1
        code = row["symbol"]
        if code < 0:
            places[at] = -1
            continue
        place = place_of[code]
        if place < 0:
            place = count
            place_of[code] = place
            codes[place] = code
            count += 1
        places[at] = place
    for place in range(count):
        place_of[codes[place]] = -1
    return count if quotes else -1 - count


@kernel
def _pack(rows: Records, places: Int32s, packed: Records) -> None:
    for at in range(rows.size):
        row, to = rows[at], packed[at]
        to["time"] = row["time"]
        to["sequence"] = row["sequence"]
        to["watermark"] = row["watermark"]
        to["offset"] = row["offset"]
        to["price"] = row["price"]
        to["size"] = row["size"]
        to["symbol"] = places[at]
        to["partition"] = row["partition"]
        to["index"] = row["index"]
        to["kind"] = row["kind"]
        to["side"] = row["side"]


@kernel
def _unpack(packed: Records, codes: Int32s, rows: Records) -> None:
    """``codes`` ends with the code of a row without a symbol, which is what the place -1 then means."""
    for at in range(rows.size):
        row, of = rows[at], packed[at]
        row["time"] = of["time"]
        row["sequence"] = of["sequence"]
        row["watermark"] = of["watermark"]
        row["offset"] = of["offset"]
        row["price"] = of["price"]
        row["size"] = of["size"]
        row["bid"] = np.nan
        row["ask"] = np.nan
        row["bid_size"] = np.nan
        row["ask_size"] = np.nan
        row["symbol"] = codes[of["symbol"]]
        row["partition"] = of["partition"]
        row["index"] = of["index"]
        row["kind"] = of["kind"]
        row["side"] = of["side"]


_scratch: list[Int32s] = [np.full(1024, -1, np.int32)]


def pack(rows: Records, symbols: int) -> tuple[bytes | Span, bytes | bool, Int32s]:
    """Rows as bytes, what their symbols are, and the codes of the names that must go with them.

    Args:
        rows: shape (n,), dtype TICK.
        symbols: how many codes there are.

    Returns:
        The rows (dtype PACKED_TRADE, and then no places; else dtype TICK), the place of each row's symbol (int32), the codes by place.
        With shared memory that has room: where they lie in it, whether they are PACKED_TRADE, the codes by place.
    """
    if len(_scratch[0]) < symbols:
        _scratch[0] = np.full(2 * symbols, -1, np.int32)
    codes, places = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
    count = _place(rows, _scratch[0], codes, places)
    is_narrow = count < 0
    codes = codes[: -1 - count if is_narrow else count]
    lanes = lanes_in_use()
    span = lanes.take(len(rows) * (PACKED_TRADE if is_narrow else rows.dtype).itemsize) if lanes else None
    if lanes and span:
        _share(lanes, span, rows, places, is_narrow=is_narrow)
        return span, is_narrow, codes
    if not is_narrow:
        return rows.tobytes(), places.tobytes(), codes
    packed = np.zeros(len(rows), PACKED_TRADE)
    _pack(rows, places, packed)
    return packed.tobytes(), b"", codes


def _share(lanes: Lanes, span: Span, rows: Records, places: Int32s, *, is_narrow: bool) -> None:
    if is_narrow:
        _pack(rows, places, lanes.array(span, PACKED_TRADE, len(rows)))
        return
    shared = lanes.array(span, rows.dtype, len(rows))
    shared.view(np.uint8)[:] = np.ascontiguousarray(rows).view(np.uint8)
    shared["symbol"] = places


def unpack(packed: bytes, places: bytes, codes: Int32s, dtype: np.dtype[np.void]) -> Records:
    """The rows again. ``codes`` ends with the code of a row without a symbol."""
    if places:
        rows: Records = np.frombuffer(bytearray(packed), dtype)
        rows["symbol"] = codes[np.frombuffer(places, np.int32)]
        return rows
    narrow = np.frombuffer(bytearray(packed), PACKED_TRADE)
    rows = np.empty(len(narrow), dtype)
    _unpack(narrow, codes, rows)
    return rows


def unpack_shared(span: Span, count: int, codes: Int32s, dtype: np.dtype[np.void], *, is_narrow: bool) -> Records:
    """As ``unpack``, of rows that lie in shared memory, which is free afterwards: it may be called once."""
    lanes = lanes_in_use()
    assert lanes is not None, "a reference to shared memory never leaves the processes that share it"
    lanes.check(span)
    if is_narrow:
        rows: Records = np.empty(count, dtype)
        _unpack(lanes.array(span, PACKED_TRADE, count), codes, rows)
    else:
        rows = np.frombuffer(bytearray(lanes.array(span, dtype, count).data.cast("B")), dtype)
        rows["symbol"] = codes[rows["symbol"]]
    lanes.free(span)
    return rows
