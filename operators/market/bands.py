"""Price bands: a symbol's price against the mean of its own last five minutes.

    reference = arithmetic mean of the trade prices of the preceding 5 minutes, the present trade excluded
    value     = |price / reference - 1|
    breach    when value > threshold, clear when value < clear (0.9 * threshold unless set), both strictly

The reference is that of the Limit Up-Limit Down plan (Plan to Address Extraordinary Market Volatility, section I: "the arithmetic
mean price of Eligible Reported Transactions ... over the immediately preceding five-minute period"; "if no trades have occurred, the
previous Reference Price will remain in effect"). Unlike LULD it moves with every trade, not only by steps of 1% every 30 seconds.

**Whole seconds.** The five minutes are the present second and the 299 before it, a slot (sum, count) each. Nothing is ever subtracted:
when the second advances, the sum of what changed is made anew from its slots, so nothing drifts. To keep that cheap the
slots lie in 20 blocks of 15 with a sum each. If the five minutes are empty, the reference is the mean as it stood after the last trade.

**A limit that comes late** is judged against present values at once. A tape is 4 KB, so symbols without a limit keep none, but 36 bytes:
sum and count of two windows of 2.5 minutes. A tape begins with these, each at its window's middle. So its reference is exact where all
prices are of one window and the next, an approximation for up to five minutes elsewhere, and exact from then on.

**Exact in decimal.** 110 against 100 at 0.10 is on the edge and must not fire, though ``110 / 100 - 1 > 0.1`` in floats. So an edge
counts as passed only by more than TOLERANCE of the price. The rounding error here is far smaller: prices read from
decimals, the present second summed with Neumaier's compensation, at most 15 + 20 additions of positive sums and four operations
more are below 60 * 2**-53 < 1e-14, so a price on its edge never fires. And a real price is not that near without being on it: prices
that are whole numbers of ticks, ``reference / tick`` up to 1e6, thresholds in whole hundredths of a percent, and
their mean over up to 100 trades differ from an edge by nothing or by 1e-12 of the reference; beyond that what is not told apart is
an excess of less than a millionth of a millionth of the price.

An older tick (out of order, still in time) joins its second and is not judged, for the present price is another. A symbol without
trades is judged by its mid prices; its first trade starts over. Without a sign to divide by (reference 0) nothing is judged.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import leaf, plain
from schemas.times import SECOND_NS

SECONDS = 300
BLOCK = 15
BLOCKS = SECONDS // BLOCK

TOLERANCE = 1e-12

TAPE = np.dtype(
    [
        ("second", np.int64),  # the present one, seconds since 1970; -1: no price yet
        ("sum", np.float64),  # of the prices of the present second ...
        ("lost", np.float64),  # ... and what rounding took from it
        ("count", np.int64),
        ("whole_sum", np.float64),  # of the 299 seconds before
        ("whole_count", np.int64),
        ("last", np.float64),  # the mean as it stood when its second ended; NaN: none yet
        ("price", np.float64),  # latest price judged; NaN: none yet
        ("reference", np.float64),  # what it was judged against; NaN: nothing
        ("block_sums", np.float64, (BLOCKS,)),
        ("block_counts", np.int64, (BLOCKS,)),
        ("sums", np.float64, (SECONDS,)),  # of second s at s % SECONDS
        ("counts", np.int32, (SECONDS,)),
    ],
    align=True,
)
"""Five minutes of prices: one record for each symbol that has or had a band (4 KB), none for the others."""

BAND = np.dtype(
    [
        ("threshold", np.float64),
        ("clear", np.float64),
        ("episode", np.int64),  # breaches so far
        ("muted_offset", np.int64),  # no decision at a row up to and with this one; -1: none is muted
        ("muted_index", np.int32),
        ("muted_partition", np.int32),
        ("next", np.int32),  # the symbol's next band; -1: the last
        ("breached", np.int32),
    ],
    align=True,
)
"""One limit on one symbol."""

EDGE = np.dtype(
    [
        ("value", np.float64),
        ("time", np.int64),
        ("offset", np.int64),
        ("episode", np.int64),
        ("index", np.int32),
        ("partition", np.int32),
        ("band", np.int32),
        ("breach", np.int8),
    ],
    align=True,
)
"""A band that was passed: 1 into a breach, 0 out of it."""


FIELDS = [
    ("recent_price", np.float64),  # the latest price, not yet in the sums; NaN: none, or the symbol has a tape
    ("recent_sum", np.float64),  # of the prices of the present window before it
    ("older_sum", np.float64),  # of the window before
    ("recent_count", np.int32),
    ("older_count", np.int32),
    ("recent_window", np.int32),  # the present one, RECENT_SECONDS each since 1970; -1: none yet
]
"""What a symbol without a tape keeps of its prices, so that a limit which comes later has a reference at once."""

RECENT_SECONDS = SECONDS // 2


@leaf
def reset_recent(symbol: np.void) -> None:
    """As if no price had been seen."""
    symbol["recent_price"] = np.nan
    symbol["recent_sum"] = 0.0
    symbol["older_sum"] = 0.0
    symbol["recent_count"] = 0
    symbol["older_count"] = 0
    symbol["recent_window"] = -1


@leaf
def remember(symbol: np.void, time: int, price: float, latest: bool) -> None:
    """Take a price of a symbol that has no tape."""
    added = symbol["recent_price"] if latest else price
    if added == added:
        symbol["recent_sum"] += added
        symbol["recent_count"] += 1
    if not latest:
        return
    symbol["recent_price"] = price
    window = time // (RECENT_SECONDS * SECOND_NS)
    if window <= symbol["recent_window"]:
        return
    total, count = symbol["recent_sum"], symbol["recent_count"]
    if window > symbol["recent_window"] + 1 and count + symbol["older_count"] > 0:  # long silent: the mean as it stood goes on
        total, count = (total + symbol["older_sum"]) / (count + symbol["older_count"]), 1
    symbol["older_sum"] = total
    symbol["older_count"] = count
    symbol["recent_sum"] = 0.0
    symbol["recent_count"] = 0
    symbol["recent_window"] = window


def begin_tape(tape: np.void, symbol: np.void) -> None:
    """Fill a blank tape with what its symbol has kept, each window at its middle: the first five minutes are an approximation."""
    if np.isnan(symbol["recent_price"]):
        return
    time = int(symbol["trade_time"] if symbol["trade_time"] >= 0 else symbol["quote_time"])
    start, now = int(symbol["recent_window"]) * RECENT_SECONDS, time // SECOND_NS
    for name, second in (("older", start - RECENT_SECONDS // 2), ("recent", (start + now) // 2)):
        if symbol[f"{name}_count"]:
            plain(advance)(tape, second)
            tape["sum"], tape["count"] = symbol[f"{name}_sum"], symbol[f"{name}_count"]
    plain(follow)(tape, time, float(symbol["recent_price"]), True)
    plain(reset_recent)(symbol)


@leaf
def reset_tape(tape: np.void) -> None:
    """As if no price had been seen."""
    tape["second"] = -1
    tape["sum"] = 0.0
    tape["lost"] = 0.0
    tape["count"] = 0
    tape["whole_sum"] = 0.0
    tape["whole_count"] = 0
    tape["last"] = np.nan
    tape["price"] = np.nan
    tape["reference"] = np.nan
    for at in range(SECONDS):
        tape["sums"][at] = 0.0
        tape["counts"][at] = 0
    for block in range(BLOCKS):
        tape["block_sums"][block] = 0.0
        tape["block_counts"][block] = 0


@leaf
def mean_of(tape: np.void) -> float:
    """Mean of the five minutes up to now; where they are empty, of those that ended with the last price; NaN before the first."""
    count = tape["count"] + tape["whole_count"]
    if count == 0:
        last: float = tape["last"]
        return last
    mean: float = (tape["whole_sum"] + (tape["sum"] + tape["lost"])) / count
    return mean


@leaf
def _sum_block(tape: np.void, block: int) -> None:
    total, count = 0.0, 0
    for at in range(block * BLOCK, (block + 1) * BLOCK):
        total += tape["sums"][at]
        count += tape["counts"][at]
    tape["block_sums"][block] = total
    tape["block_counts"][block] = count


@leaf
def _sum_blocks(tape: np.void) -> None:
    total, count = 0.0, 0
    for block in range(BLOCKS):
        total += tape["block_sums"][block]
        count += tape["block_counts"][block]
    tape["whole_sum"] = total
    tape["whole_count"] = count


@leaf
def advance(tape: np.void, second: int) -> None:
    """Let the present second become ``second``, which is later: what is five minutes old goes."""
    before = tape["second"]
    tape["last"] = mean_of(tape)
    if before >= 0:
        tape["sums"][before % SECONDS] = tape["sum"] + tape["lost"]
        tape["counts"][before % SECONDS] = tape["count"]
        _sum_block(tape, before % SECONDS // BLOCK)
    at = max(before + 1, second - SECONDS + 1)
    while at <= second:
        block = at % SECONDS // BLOCK
        while at <= second and at % SECONDS // BLOCK == block:
            tape["sums"][at % SECONDS] = 0.0
            tape["counts"][at % SECONDS] = 0
            at += 1
        _sum_block(tape, block)
    _sum_blocks(tape)
    tape["second"] = second
    tape["sum"] = 0.0
    tape["lost"] = 0.0
    tape["count"] = 0


@leaf
def add_latest(tape: np.void, price: float) -> None:
    """Take a price into the present second (Neumaier 1974)."""
    before = tape["sum"]
    total = before + price
    if abs(before) >= abs(price):
        tape["lost"] += (before - total) + price
    else:
        tape["lost"] += (price - total) + before
    tape["sum"] = total
    tape["count"] += 1


@leaf
def add_older(tape: np.void, second: int, price: float) -> None:
    """Take a price into the second it belongs to, if that is among the five minutes."""
    if second == tape["second"]:
        add_latest(tape, price)
    elif tape["second"] - SECONDS < second < tape["second"]:
        at = second % SECONDS
        tape["sums"][at] += price
        tape["counts"][at] += 1
        _sum_block(tape, at // BLOCK)
        _sum_blocks(tape)


@leaf
def judge(price: float, reference: float, threshold: float, clear: float, breached: bool) -> bool:
    """Whether a band is breached after a price. Exact in decimal: see the module."""
    distance, scale = abs(price - reference), abs(reference)
    slack = TOLERANCE * max(abs(price), scale)
    if breached:
        return not clear * scale - distance > slack
    return distance - threshold * scale > slack


@leaf
def is_muted(band: np.void, tick: np.void) -> bool:
    """Whether what is decided at this row has been said before a crash. Ends by itself with the first row after it."""
    if band["muted_offset"] < 0 or band["muted_partition"] != tick["partition"]:
        return False
    offset, index = tick["offset"], tick["index"]
    if offset < band["muted_offset"] or (offset == band["muted_offset"] and index <= band["muted_index"]):
        return True
    band["muted_offset"] = -1
    return False


@leaf
def judge_bands(bands: npt.NDArray[np.void], first: int, tape: np.void, tick: np.void, edges: npt.NDArray[np.void], count: int) -> int:
    """Hold the latest price against each band of its symbol; how many edges there are now."""
    price, reference = tape["price"], tape["reference"]
    if not abs(reference) > 0.0:
        return count
    at = first
    while at >= 0:
        band = bands[at]
        breached = band["breached"] != 0
        if not is_muted(band, tick) and judge(price, reference, band["threshold"], band["clear"], breached) != breached:
            band["breached"] = 0 if breached else 1
            band["episode"] += 0 if breached else 1
            edge = edges[count]
            edge["value"] = abs(price - reference) / abs(reference)
            edge["time"] = tick["time"]
            edge["offset"] = tick["offset"]
            edge["episode"] = band["episode"]
            edge["index"] = tick["index"]
            edge["partition"] = tick["partition"]
            edge["band"] = at
            edge["breach"] = band["breached"]
            count += 1
        at = band["next"]
    return count


@leaf
def follow(tape: np.void, time: int, price: float, latest: bool) -> None:
    """Take a price into the tape. Of the latest, remember what it is to be judged against: the mean without it."""
    second = time // SECOND_NS
    if not latest:
        add_older(tape, second, price)
        return
    if second > tape["second"]:
        advance(tape, second)
    tape["price"] = price
    tape["reference"] = mean_of(tape)
    add_latest(tape, price)
