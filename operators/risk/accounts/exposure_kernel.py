"""The kernel of exposure: marks of symbols value the positions in them, and what an account holds is summed anew, never by deltas.

An ENTRY is what an account (or the firm) holds of a symbol; entries are chained by account and by symbol.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from operators.portfolio.mark_kernel import exposure_of
from schemas.kernels import kernel, leaf

SYMBOL = np.dtype(
    [
        ("long", np.float64),  # what a long position is marked at; NaN: unknown
        ("short", np.float64),
        ("time", np.int64),  # of the latest mark; -1: none
        ("multiplier", np.float64),
        ("initial", np.float64),  # margin as a fraction of the absolute exposure
        ("maintenance", np.float64),
        ("head", np.int32),  # its first entry; -1: none
        ("inverse", np.int32),
    ],
    align=True,
)

ENTRY = np.dtype(
    [
        ("long", np.float64),  # quantities, neither below 0; of an account one of them is 0
        ("short", np.float64),
        ("exposure", np.float64),  # worth at the marks, signed, in the instrument's currency; NaN: unknown
        ("size", np.float64),  # the same of long and short side without their signs
        ("row", np.int32),  # of the account
        ("symbol", np.int32),  # row of the symbol
        ("next", np.int32),  # entry of the account; -1: the last
        ("next_of_symbol", np.int32),
        ("currency", np.int32),  # place in the table of rates
        ("spare", np.int32),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("time", np.int64),  # event time of the latest thing that touched it; -1: none yet
        ("offset", np.int64),  # the record that it came from, of market.ticks
        ("partition", np.int32),  # -1: a bar
        ("head", np.int32),  # its first entry; -1: none
        ("currency", np.int32),
        ("touched", np.int32),
        ("watched", np.int64),  # a limit stands on its numbers: they are made at each input
    ],
    align=True,
)

KNOWN, UNMARKED, NO_RATE = range(3)
"""What is known of the worth of an account's positions."""

SUMS = np.dtype(
    [
        ("gross", np.float64),  # in the account's currency, as all
        ("net", np.float64),
        ("largest", np.float64),  # of one symbol
        ("squares", np.float64),  # sum of them
        ("initial", np.float64),
        ("maintenance", np.float64),
        ("cause", np.int32),  # KNOWN, or why all of them are NaN
        ("entry", np.int32),  # the largest, or whose fault it is; -1: none
    ],
    align=True,
)

TOUCHED, LATEST = range(2)
"""Places in the ledger: how many accounts are to be summed anew; of the marks taken last, which is the first of the latest."""

Records = npt.NDArray[np.void]
Int32s = npt.NDArray[np.int32]
Ledger = npt.NDArray[np.int64]


@leaf
def touch(accounts: Records, row: int, time: int, partition: int, offset: int, touched: Int32s, ledger: Ledger) -> None:
    """Note that an account is to be summed anew, and because of what."""
    account = accounts[row]
    if time >= account["time"]:
        account["time"] = time
        account["partition"] = partition
        account["offset"] = offset
    if account["touched"] == 0:
        account["touched"] = 1
        touched[ledger[TOUCHED]] = row
        ledger[TOUCHED] += 1


@leaf
def value(entry: np.void, symbol: np.void) -> None:
    """Value an entry at the marks of its symbol."""
    exposure, size = 0.0, 0.0
    if entry["long"] != 0.0:
        worth = exposure_of(entry["long"], symbol["multiplier"], symbol["inverse"], symbol["long"])
        exposure += worth
        size += abs(worth)
    if entry["short"] != 0.0:
        worth = exposure_of(-entry["short"], symbol["multiplier"], symbol["inverse"], symbol["short"])
        exposure += worth
        size += abs(worth)
    entry["exposure"] = exposure
    entry["size"] = size


@kernel
def take_marks(
    marks: Records, at: int, row_of: Int32s, symbols: Records, entries: Records, accounts: Records, touched: Int32s, ledger: Ledger
) -> int:
    """Take marks from a place on: the entries of symbols whose worth changed, and the accounts of these.

    Returns where it stopped: at a symbol without a row, else at the end.
    """
    while at < marks.size:
        mark = marks[at]
        row = row_of[mark["symbol"]]
        if row < 0:
            return at
        if mark["time"] > marks[ledger[LATEST]]["time"]:
            ledger[LATEST] = at
        at += 1
        symbol = symbols[row]
        if mark["time"] < symbol["time"]:
            continue
        symbol["time"] = mark["time"]
        if symbol["long"] == mark["long"] and symbol["short"] == mark["short"]:
            continue
        symbol["long"] = mark["long"]
        symbol["short"] = mark["short"]
        place = symbol["head"]
        while place >= 0:
            entry = entries[place]
            if entry["long"] != 0.0 or entry["short"] != 0.0:
                value(entry, symbol)
                touch(accounts, entry["row"], mark["time"], mark["partition"], mark["offset"], touched, ledger)
            place = entry["next_of_symbol"]
    return at


@kernel
def revalue(row: int, symbols: Records, entries: Records, accounts: Records, touched: Int32s, ledger: Ledger) -> None:
    """The terms of a symbol changed: its entries are worth something else."""
    place = symbols[row]["head"]
    while place >= 0:
        entry = entries[place]
        value(entry, symbols[row])
        touch(accounts, entry["row"], -1, -1, 0, touched, ledger)
        place = entry["next_of_symbol"]


@kernel
def value_entry(place: int, symbols: Records, entries: Records) -> None:
    """Value one entry, whose quantities changed."""
    value(entries[place], symbols[entries[place]["symbol"]])


@kernel
def touch_account(accounts: Records, row: int, time: int, partition: int, offset: int, touched: Int32s, ledger: Ledger) -> None:
    """Note that an account is to be summed anew."""
    touch(accounts, row, time, partition, offset, touched, ledger)


@kernel
def touch_accounts(accounts: Records, rows: npt.NDArray[np.int64], times: npt.NDArray[np.int64], touched: Int32s, ledger: Ledger) -> None:
    """As ``touch_account``, of several, by what is no mark."""
    for at in range(rows.size):
        touch(accounts, rows[at], times[at], -1, 0, touched, ledger)


@kernel
def sum_touched(
    symbols: Records,
    entries: Records,
    accounts: Records,
    rates: npt.NDArray[np.float64],
    touched: Int32s,
    summed: Int32s,
    sums: Records,
    ledger: Ledger,
    everything: bool,
) -> int:
    """Sum what each touched account holds, which is touched no more; those that nobody watches may wait. How many were summed.

    Args:
        everything: none waits.
        rates: shape (currencies, currencies): worth of one unit of the row's in the column's; NaN: unknown.
        sums: dtype SUMS, a place for each account.
        summed: takes the rows of those that were, in order of first touch.
    """
    waiting = count = 0
    for at in range(ledger[TOUCHED]):
        row = touched[at]
        account, total = accounts[row], sums[row]
        if not everything and account["watched"] == 0:
            touched[waiting] = row
            waiting += 1
            continue
        summed[count] = row
        count += 1
        account["touched"] = 0
        gross, net, largest, squares, initial, maintenance = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        cause, found = KNOWN, -1
        place = account["head"]
        while place >= 0:
            entry = entries[place]
            if entry["long"] != 0.0 or entry["short"] != 0.0:
                rate = rates[entry["currency"], account["currency"]]
                size = entry["size"] * rate
                if not abs(size) < np.inf:
                    cause = NO_RATE if abs(entry["size"]) < np.inf else UNMARKED
                    found = place
                    break
                symbol = symbols[entry["symbol"]]
                gross += size
                net += entry["exposure"] * rate
                squares += size * size
                initial += size * symbol["initial"]
                maintenance += size * symbol["maintenance"]
                if found < 0 or size > largest:
                    largest = size
                    found = place
            place = entry["next"]
        known = cause == KNOWN
        total["gross"] = gross if known else np.nan
        total["net"] = net if known else np.nan
        total["largest"] = largest if known else np.nan
        total["squares"] = squares if known else np.nan
        total["initial"] = initial if known else np.nan
        total["maintenance"] = maintenance if known else np.nan
        total["cause"] = cause
        total["entry"] = found
    ledger[TOUCHED] = waiting
    return count
