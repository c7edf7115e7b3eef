"""Which rows of a frame concern an order: thresholds of each symbol with orders, watched by a kernel.

A tick of a symbol without orders costs a look at one number. A row that may matter is handed to Python, which decides exactly; after it
the thresholds of its symbol are set anew. Rounding a decimal to a double keeps the order of numbers, so no row that matters is missed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel, leaf
from schemas.ticks import QUOTE, TRADE, WATERMARK, Rows
from schemas.times import END_OF_TIME_NS

WATCH = np.dtype(
    [
        ("due", np.int64),  # when something takes effect by event time
        ("buy", np.float64),  # highest limit to buy; -inf: none
        ("sell", np.float64),  # lowest limit to sell; inf: none
        ("buy_stop", np.float64),  # lowest stop to buy; inf: none
        ("sell_stop", np.float64),  # highest stop to sell; -inf: none
        ("takes", np.int8),  # TAKES_*
    ],
    align=True,
)

TAKES_ASK, TAKES_BID, FIRST_ASK, FIRST_BID = 1, 2, 4, 8
"""Orders that take whatever is offered; limits that wait for their first opposite quote."""

NO_ROW, NO_FEED, NO_WATERMARK = -1, -1, -1

Watches = npt.NDArray[np.void]


def blank_watches(count: int) -> Watches:
    """Nothing is watched."""
    watches = np.zeros(count, WATCH)
    watches["due"] = END_OF_TIME_NS
    watches["buy"] = watches["sell_stop"] = -np.inf
    watches["sell"] = watches["buy_stop"] = np.inf
    return watches


@leaf
def concerns(row: np.void, watch: np.void, quoted: int) -> bool:
    """Whether a tick may fill, trigger or meet an order of its symbol, or make something due."""
    takes = watch["takes"]
    if row["watermark"] >= watch["due"]:
        return True
    if row["kind"] == TRADE:
        price = row["price"]
        if price <= watch["buy"] or price >= watch["sell"] or price >= watch["buy_stop"] or price <= watch["sell_stop"]:
            return True
        return bool(quoted == 0 and takes & (TAKES_ASK | TAKES_BID) != 0)
    ask, bid = row["ask"], row["bid"]
    if ask <= watch["buy"] or bid >= watch["sell"]:
        return True
    # What is absent is NaN, and nothing else differs from itself.
    return bool((takes & (TAKES_ASK | FIRST_ASK) != 0 and ask == ask) or (takes & (TAKES_BID | FIRST_BID) != 0 and bid == bid))


@kernel
def next_row(
    rows: Rows,
    at: int,
    watches: Watches,
    row_of: npt.NDArray[np.int32],
    feed: npt.NDArray[np.int32],
    marks: npt.NDArray[np.int64],
    least_due: int,
) -> int:
    """The next row that may concern an order, from ``at`` on; the number of rows: none; below 0: row ``-1 - at`` needs a larger ``marks``.

    Args:
        rows: of the frame.
        at: where to begin.
        watches: shape (symbols with orders,), dtype WATCH.
        row_of: of each symbol's code its place in ``watches``, or NO_ROW.
        feed: of each symbol's code twice its partition, and one more when it has quotes; NO_FEED: no tick yet. Written.
        marks: each partition's watermark. Written, but for the end of time, which is yielded.
        least_due: of all watches.
    """
    while at < rows.size:
        row = rows[at]
        partition, watermark = row["partition"], row["watermark"]
        if partition >= marks.size:
            return -1 - at
        if marks[partition] < watermark < END_OF_TIME_NS:
            marks[partition] = watermark
        if row["kind"] == WATERMARK:
            if watermark >= least_due:
                return at
            at += 1
            continue
        symbol = row["symbol"]
        quoted = 1 if row["kind"] == QUOTE or (feed[symbol] >= 0 and feed[symbol] & 1) else 0
        feed[symbol] = 2 * partition + quoted
        if row_of[symbol] >= 0 and concerns(row, watches[row_of[symbol]], quoted):
            return at
        at += 1
    return at
