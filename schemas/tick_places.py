"""The symbols of some rows, each once, and which of them each row has: how a frame names its symbols when it leaves a process."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel

Int32s = npt.NDArray[np.int32]


@kernel
def _fill(rows: npt.NDArray[np.void], place_of: Int32s, codes: Int32s, places: Int32s) -> int:
    """``place_of`` is -1 throughout, before and after."""
    count = 0
    for at in range(rows.size):
        code = rows[at]["symbol"]
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
    return count


_scratch: list[Int32s] = [np.full(1024, -1, np.int32)]


def symbol_places(rows: npt.NDArray[np.void], symbols: int) -> tuple[Int32s, Int32s]:
    """Codes in order of first appearance, and of each row the place of its code among them (-1: it has no symbol).

    Args:
        rows: shape (n,), dtype TICK.
        symbols: how many codes there are.
    """
    if len(_scratch[0]) < symbols:
        _scratch[0] = np.full(2 * symbols, -1, np.int32)
    codes, places = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
    return codes[: _fill(rows, _scratch[0], codes, places)], places
