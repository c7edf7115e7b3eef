"""Ticks with their event times, and what of them is wanted: an array of ticks may be cut."""

from __future__ import annotations

import msgspec
import numpy as np

from schemas.bus import Batch
from schemas.json_errors import JSON_ERRORS
from schemas.symbols import SYMBOLS
from schemas.tick_codec import TickDecoder
from schemas.ticks import NO_SYMBOL, Rows
from trademaster.replay.timed import UNKNOWN, Bools, Timed, Wanted, known_times, picked

_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class TickTaker:
    """Takes what is wanted of the batches of one partition of ``market.ticks``."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._decoder = TickDecoder()
        self._latest_ns = 0

    def take(self, batch: Batch) -> Timed:
        """What of a batch is wanted.

        A record happened when its first wanted tick did; one without a good tick when what stands before it had.
        """
        rows = self._decoder.decode(batch).rows
        wanted = self._rows_wanted(rows)
        first, count = _extent(batch, rows)
        chosen_before = np.concatenate([[0], np.cumsum(wanted)])
        chosen = chosen_before[first + count] - chosen_before[first]
        times = np.full(len(batch), UNKNOWN, np.int64)
        has = np.flatnonzero(count > 0)
        times[has] = rows["time"][first[has]]
        some = np.flatnonzero(chosen > 0)
        # The first wanted row of a record is that before which as many were chosen as before the record.
        times[some] = rows["time"][np.searchsorted(chosen_before, chosen_before[first[some]], "right") - 1]
        times = known_times(times, self._latest_ns)
        self._latest_ns = max(self._latest_ns, int(times.max(initial=0)))
        is_wanted = np.where(count > 0, chosen > 0, self._wanted.covers(times) & self._has_key(batch))
        if is_wanted.all() and (chosen == count).all():
            return Timed(batch, times)
        at = np.flatnonzero(is_wanted)
        cut = at[(chosen[at] < count[at])]
        values = list(batch.values())
        for record in cut.tolist():
            start = int(first[record])
            values[record] = _cut(
                values[record], rows["index"][start : start + int(count[record])], wanted[start : start + int(count[record])]
            )
        return Timed(picked(batch, at, [values[record] for record in at.tolist()]), times[at])

    def _rows_wanted(self, rows: Rows) -> Bools:
        wanted = self._wanted.covers(rows["time"])
        if self._wanted.keys:
            codes = [SYMBOLS.code(key) for key in self._wanted.keys]
            wanted &= np.isin(rows["symbol"], [NO_SYMBOL, *codes])  # heartbeats are for all
        return wanted

    def _has_key(self, batch: Batch) -> Bools:
        if not self._wanted.keys or batch.keys is None:
            return np.ones(len(batch), np.bool_)
        return np.array([(key or b"").decode("utf-8", "replace") in self._wanted.keys for key in batch.keys], np.bool_)


def _extent(batch: Batch, rows: Rows) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Where the rows of each record begin, and how many they are."""
    first = np.searchsorted(rows["offset"], batch.offset, "left")
    return first, np.searchsorted(rows["offset"], batch.offset, "right") - first


def _cut(value: bytes, indexes: np.ndarray[tuple[int], np.dtype[np.int32]], wanted: Bools) -> bytes:
    """An array without the good ticks that are not wanted."""
    unwanted = set(indexes[~wanted].tolist())
    try:
        elements = _elements(value)
    except JSON_ERRORS:
        return value
    return b"[" + b",".join(bytes(element) for at, element in enumerate(elements) if at not in unwanted) + b"]"
