"""Rows on their way to another process: by the names of their symbols, and without the columns that trades do not have.

What crosses is copied a dozen times (pickled twice, sent, received, read), so each byte of a tick counts that often.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel

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


def pack(rows: Records, symbols: int) -> tuple[bytes, bytes, Int32s]:
    """Rows as bytes, what their symbols are, and the codes of the names that must go with them.

    Args:
        rows: shape (n,), dtype TICK.
        symbols: how many codes there are.

    Returns:
        The rows (dtype PACKED_TRADE, and then no places; else dtype TICK), the place of each row's symbol (int32), the codes by place.
    """
    if len(_scratch[0]) < symbols:
        _scratch[0] = np.full(2 * symbols, -1, np.int32)
    codes, places = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
    count = _place(rows, _scratch[0], codes, places)
    if count >= 0:
        return rows.tobytes(), places.tobytes(), codes[:count]
    packed = np.zeros(len(rows), PACKED_TRADE)
    _pack(rows, places, packed)
    return packed.tobytes(), b"", codes[: -1 - count]


def unpack(packed: bytes, places: bytes, codes: Int32s, dtype: np.dtype[np.void]) -> Records:
    """The rows again. ``codes`` ends with the code of a row without a symbol."""
    if places:
        rows: Records = np.frombuffer(bytearray(packed), dtype)
        rows["symbol"] = codes[np.frombuffer(places, np.int32)]
        return rows
    narrow = np.frombuffer(bytearray(packed), PACKED_TRADE)
    rows = np.zeros(len(narrow), dtype)
    _unpack(narrow, codes, rows)
    return rows
