"""Tumbling windows: ``[k * length, (k + 1) * length)`` for every whole ``k``, counted from 1970-01-01 UTC.

A symbol's *horizon* says what of its past is over. For a tick of time ``t`` in a row whose partition has watermark ``W``::

    horizon = max(horizon before, max(times of the symbol's ticks, t) - lateness, W - quiet_after)

A window closes when ``end <= horizon``: by the symbol's own next tick, or for a quiet symbol by the time of its partition. A tick is
*late* when its window of **any** interval has ``end <= horizon``; it is applied nowhere, so that a longer bar is always the merge of the
shorter ones. With all times in integer nanoseconds nothing here rounds. The terms are those of Akidau et al., "The Dataflow
Model", VLDB 2015 (event time, watermark, allowed lateness); the watermark here is the largest time seen, as facts of the data alone.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from schemas.errors import SettingsError
from schemas.kernels import leaf
from schemas.times import DAY_NS, END_OF_TIME_NS, MINUTE_NS, SECOND_NS

INTERVAL = np.dtype(
    [
        ("length", np.int64),  # ns
        ("first", np.int32),  # place of its first slot among a symbol's windows
        ("slots", np.int32),  # how many of its windows may be open at once
    ],
    align=True,
)

DUE = np.dtype(
    [
        ("end", np.int64),  # least end of the symbol's open windows; END_OF_TIME_NS: none is open
        ("partition", np.int64),  # of its latest tick; -1: none yet
    ],
    align=True,
)
"""One record a symbol, apart from the rest of its state, so that a sweep over quiet symbols reads 16 bytes of each."""

MAX_OPEN = 64
"""Windows of one interval that may be open at once for one symbol: the bound of its memory."""

MAX_INTERVAL_NS = 366 * DAY_NS

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND_NS, "m": MINUTE_NS, "h": 60 * MINUTE_NS, "d": DAY_NS}
_TEXT = re.compile(r"([1-9][0-9]{0,17})(ns|us|ms|s|m|h|d)", re.ASCII)


def parse_interval(text: str) -> int:
    """Nanoseconds of ``500ms``, ``4s``, ``1m``, ``1h``, ``1d``.

    Raises:
        SettingsError: it is none, or longer than MAX_INTERVAL_NS.
    """
    match = _TEXT.fullmatch(text)
    length = int(match.group(1)) * _UNITS[match.group(2)] if match else 0
    if not 0 < length <= MAX_INTERVAL_NS:
        raise SettingsError(
            f"expected an interval from 1ns to 366d, found {text!r}", hint="write a whole number and ns, us, ms, s, m, h or d: 4s"
        )
    return length


def lay_out(intervals: tuple[str, ...], lateness_ns: int) -> npt.NDArray[np.void]:
    """Where each interval's windows lie in a symbol's state: shape (n,), dtype INTERVAL.

    Open windows end after ``latest tick - lateness`` and start no later than it, so of one interval there are never more than
    ``ceil(lateness / length) + 1``, which are consecutive: a ring indexed by ``time // length`` holds them.

    Raises:
        SettingsError: no interval, one named twice, or so short beside the lateness that more than MAX_OPEN would be open.
    """
    lengths = [parse_interval(text) for text in intervals]
    if not lengths or len(set(lengths)) != len(lengths):
        raise SettingsError(f"expected intervals that differ, found {', '.join(intervals) or 'none'}", hint="market.intervals=1s,1m")
    layout = np.zeros(len(lengths), INTERVAL)
    first = 0
    for place, length in enumerate(lengths):
        slots = -(-lateness_ns // length) + 1
        if slots > MAX_OPEN:
            raise SettingsError(
                f"expected at most {MAX_OPEN} open windows a symbol, found {slots}: interval {intervals[place]}, lateness {lateness_ns} ns",
                hint="make market.lateness shorter or the interval longer",
            )
        layout[place] = (length, first, slots)
        first += slots
    return layout


@leaf
def horizon_of(before: int, latest_time: int, lateness: int, watermark: int, quiet_after: int) -> int:
    """What of a symbol's past is over at a tick. ``latest_time`` counts the tick itself."""
    horizon = max(before, latest_time - lateness)
    return max(horizon, watermark - quiet_after)


@leaf
def least_end(layout: npt.NDArray[np.void], time: int) -> int:
    """The least end of the windows that a time falls in."""
    least = END_OF_TIME_NS
    for place in range(layout.size):
        length = layout[place]["length"]
        least = min(least, time - time % length + length)
    return least


@leaf
def slot_of(interval: np.void, time: int) -> int:
    """Where the window of a time lies among a symbol's windows."""
    slot: int = interval["first"]
    if interval["slots"] > 1:
        slot += (time // interval["length"]) % interval["slots"]
    return slot


@leaf
def next_to_close(layout: npt.NDArray[np.void], windows: npt.NDArray[np.void]) -> tuple[int, int, int]:
    """The open window that ends first: (end, interval, slot); END_OF_TIME_NS and -1 when none is open. Ties: the interval set first."""
    end, place, slot = END_OF_TIME_NS, -1, -1
    for candidate in range(layout.size):
        interval = layout[candidate]
        for at in range(interval["first"], interval["first"] + interval["slots"]):
            start = windows[at]["start"]
            if start >= 0 and start + interval["length"] < end:
                end, place, slot = start + interval["length"], candidate, at
    return end, place, slot
