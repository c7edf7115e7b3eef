"""The kernel of accounts: rows of P&L find their entries, and the entries of an account are summed anew, never by deltas.

An entry is an account's latest of one symbol, found by an open-addressed table; an account's entries are a chain.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel, leaf

# No padding in either: it would be stored.
ENTRY = np.dtype(
    [
        ("unrealized", np.float64),  # of the latest row of P&L, in the instrument's currency; NaN: unknown
        ("exposure", np.float64),
        ("pnl_version", np.int64),  # of the position that row speaks of; -1: no row yet
        ("version", np.int64),  # of the latest holding; -1: none yet
        ("account", np.int32),  # code
        ("symbol", np.int32),  # code
        ("row", np.int32),  # of the account
        ("next", np.int32),  # entry of the account; -1: the last
        ("currency", np.int32),  # place in the table of rates
        ("open", np.int16),
        ("margined", np.int16),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("time", np.int64),  # largest event time; -1: none yet
        ("head", np.int32),  # its first entry; -1: none
        ("currency", np.int32),  # place in the table of rates
        ("touched", np.int64),
    ],
    align=True,
)

KNOWN, UNMARKED, UNDER_WAY, NO_RATE = range(4)
"""What is known of an account's open positions."""

SUMS = np.dtype(
    [
        ("unrealized", np.float64),  # in the account's currency, as all
        ("gross", np.float64),
        ("net", np.float64),
        ("worth", np.float64),  # of open positions: what is unrealised of a margined one, else its exposure
        ("cause", np.int32),  # KNOWN, or why nothing is
        ("entry", np.int32),  # whose fault it is
    ],
    align=True,
)

ENTRIES, TOUCHED = range(2)
"""Places in the ledger."""

HELD_ACCOUNT, HELD_SYMBOL, HELD_ROW, HELD_VERSION, HELD_CURRENCY, HELD_OPEN, HELD_MARGINED, HELD_TIME, HELD_ENTRY = range(9)
"""Columns of holdings as ``take_holdings`` takes them: codes of account and symbol, the account's row, ..."""

Records = npt.NDArray[np.void]
Int32s = npt.NDArray[np.int32]
Ledger = npt.NDArray[np.int64]


@leaf
def slot_of(account: int, symbol: int, entries: Records, slots: Int32s) -> int:
    """The slot of an entry, or the free one where it belongs."""
    mask = slots.size - 1
    mixed = (int(account) * 0x9E3779B1) ^ (int(symbol) * 0x85EBCA6B)
    at = (mixed ^ (mixed >> 17)) & mask
    while slots[at] != 0:
        entry = entries[slots[at] - 1]
        if entry["symbol"] == symbol and entry["account"] == account:
            break
        at = (at + 1) & mask
    return at


@leaf
def entry_of(account: int, symbol: int, row: int, entries: Records, slots: Int32s, accounts: Records, ledger: Ledger) -> int:
    """The entry of an account and a symbol, which is added if it is new. There must be room."""
    at = slot_of(account, symbol, entries, slots)
    if slots[at] != 0:
        return int(slots[at] - 1)
    count = ledger[ENTRIES]
    entry = entries[count]
    entry["unrealized"] = np.nan
    entry["exposure"] = np.nan
    entry["pnl_version"] = -1
    entry["version"] = -1
    entry["account"] = account
    entry["symbol"] = symbol
    entry["row"] = row
    entry["next"] = accounts[row]["head"]
    entry["currency"] = 0
    entry["open"] = 0
    entry["margined"] = 0
    accounts[row]["head"] = count
    slots[at] = count + 1
    ledger[ENTRIES] = count + 1
    return int(count)


@leaf
def touch(accounts: Records, row: int, time: int, touched: Int32s, ledger: Ledger) -> None:
    """Note that an account is to be summed anew."""
    account = accounts[row]
    account["time"] = max(account["time"], time)
    if account["touched"] == 0:
        account["touched"] = 1
        touched[ledger[TOUCHED]] = row
        ledger[TOUCHED] += 1


@kernel
def take_pnl(
    rows: Records, at: int, row_of: Int32s, entries: Records, slots: Int32s, accounts: Records, touched: Int32s, ledger: Ledger
) -> int:
    """Take rows of P&L from ``at`` on; the row it stopped before, for its account has no row yet."""
    while at < rows.size:
        pnl = rows[at]
        row = row_of[pnl["account"]]
        if row < 0:
            return at
        entry = entries[entry_of(pnl["account"], pnl["symbol"], row, entries, slots, accounts, ledger)]
        if pnl["version"] >= entry["pnl_version"]:
            entry["unrealized"] = pnl["unrealized"]
            entry["exposure"] = pnl["exposure"]
            entry["pnl_version"] = pnl["version"]
            touch(accounts, row, pnl["time"], touched, ledger)
        at += 1
    return at


@kernel
def take_holdings(
    holdings: npt.NDArray[np.int64],
    entries: Records,
    slots: Int32s,
    accounts: Records,
    touched: Int32s,
    ledger: Ledger,
) -> None:
    """Take holdings (columns ``HELD_...``), and enter the entry of each, -1 where that version or a newer one is known.

    There must be room for an entry of each.
    """
    for place in range(len(holdings)):
        held = holdings[place]
        row = held[HELD_ROW]
        at = entry_of(held[HELD_ACCOUNT], held[HELD_SYMBOL], row, entries, slots, accounts, ledger)
        entry = entries[at]
        if held[HELD_VERSION] <= entry["version"]:
            held[HELD_ENTRY] = -1
            continue
        held[HELD_ENTRY] = at
        entry["version"] = held[HELD_VERSION]
        entry["currency"] = held[HELD_CURRENCY]
        entry["open"] = held[HELD_OPEN]
        entry["margined"] = held[HELD_MARGINED]
        touch(accounts, row, held[HELD_TIME], touched, ledger)


@kernel
def touch_account(accounts: Records, row: int, time: int, touched: Int32s, ledger: Ledger) -> None:
    """Note that an account is to be summed anew."""
    touch(accounts, row, time, touched, ledger)


@kernel
def fill_slots(entries: Records, count: int, slots: Int32s) -> None:
    """Enter all entries into an empty table."""
    for place in range(count):
        slots[slot_of(entries[place]["account"], entries[place]["symbol"], entries, slots)] = place + 1


@leaf
def fault_of(entry: np.void, rate: float) -> int:
    """Why an open position's worth is unknown, or KNOWN."""
    if entry["pnl_version"] != entry["version"]:
        return UNDER_WAY
    if not (abs(entry["unrealized"]) < np.inf and abs(entry["exposure"]) < np.inf):
        return UNMARKED
    return KNOWN if rate == rate else NO_RATE


@kernel
def sum_touched(
    entries: Records, accounts: Records, rates: npt.NDArray[np.float64], touched: Int32s, sums: Records, ledger: Ledger
) -> None:
    """Sum the open positions of each touched account, which is touched no more.

    Args:
        rates: shape (currencies, currencies): worth of one unit of the row's in the column's; NaN: unknown.
        sums: dtype SUMS, a place for each touched account.
    """
    for place in range(ledger[TOUCHED]):
        account = accounts[touched[place]]
        account["touched"] = 0
        unrealized, gross, net, worth = 0.0, 0.0, 0.0, 0.0
        cause, faulty = KNOWN, -1
        at = account["head"]
        while at >= 0:
            entry = entries[at]
            if entry["open"] != 0 or entry["version"] < 0:
                rate = rates[entry["currency"], account["currency"]]
                fault = fault_of(entry, rate)
                if fault != KNOWN:
                    cause, faulty = fault, at
                    break
                exposure = entry["exposure"] * rate
                gain = entry["unrealized"] * rate
                unrealized += gain
                gross += abs(exposure)
                net += exposure
                worth += gain if entry["margined"] != 0 else exposure
            at = entry["next"]
        total = sums[place]
        known = cause == KNOWN
        total["unrealized"] = unrealized if known else np.nan
        total["gross"] = gross if known else np.nan
        total["net"] = net if known else np.nan
        total["worth"] = worth if known else np.nan
        total["cause"] = cause
        total["entry"] = faulty
