"""P&L as columns: what the marks of a shard of symbols make, before it is written and for the accounts of all shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.holdings import CashMove, Holding
from schemas.interning import ACCOUNTS, CURRENCIES, REASONS
from schemas.symbols import SHARDS, SYMBOLS

NO_REASON = -1

OF_A_BAR, OF_NOTHING = -1, -2
"""In place of a repeat: the mark is a bar's close (``mark_time`` its end); there is no mark (``mark_time`` is the position's)."""

PNL = np.dtype(
    [
        ("quantity", np.float64),  # above 0 long, below 0 short, 0 flat
        ("average", np.float64),  # NaN: unknown, as all numbers below
        ("mark", np.float64),
        ("unrealized", np.float64),  # in the instrument's currency, as all money below
        ("realized", np.float64),
        ("exposure", np.float64),  # what it is worth at the mark, signed
        ("version", np.int64),  # of the position
        ("mark_time", np.int64),  # event time of the tick that made the mark
        ("time", np.int64),  # event time: of the mark or of the position, whichever is later
        ("offset", np.int64),  # of the record that caused it
        ("repeat", np.int64),  # with mark_time names the mark, see operators/market/marks.py
        ("account", np.int32),  # code in ACCOUNTS
        ("symbol", np.int32),  # code in SYMBOLS
        ("currency", np.int32),  # code in CURRENCIES
        ("reason", np.int32),  # code in REASONS: why realized is unknown
    ],
    align=True,
)

Pnl = npt.NDArray[np.void]
"""Shape (n,), dtype PNL."""

_NAMED: tuple[tuple[str, Any], ...] = (("account", ACCOUNTS), ("symbol", SYMBOLS), ("currency", CURRENCIES), ("reason", REASONS))


class AccountFrame:
    """What one input of a symbol shard tells a shard of accounts. Pickles by name, so that it may cross processes.

    Attributes:
        holdings: positions after what changed them, in order.
        cash: money that came or went.
        pnl: shape (n,), dtype PNL: positions at their marks; not changed once they are here.
    """

    __slots__ = ("cash", "holdings", "pnl")

    def __init__(self, holdings: Sequence[Holding], cash: Sequence[CashMove], pnl: Pnl) -> None:
        self.holdings = holdings
        self.cash = cash
        self.pnl = pnl

    def __len__(self) -> int:
        return len(self.holdings) + len(self.cash) + len(self.pnl)

    def __reduce__(self) -> tuple[object, tuple[Any, ...]]:
        return _restore, (list(self.holdings), list(self.cash), *packed(self.pnl))


def packed(rows: Pnl, named: Sequence[tuple[str, Any]] = _NAMED) -> tuple[bytes, dict[str, list[str]]]:
    """Rows whose codes became places among names, and those names by column, sorted; -1 stays."""
    plain = np.ascontiguousarray(rows).view(f"V{rows.dtype.itemsize}")
    rows, names = plain.copy().view(rows.dtype), {}  # with the padding: bytes are compared
    for column, table in named:
        codes = rows[column]
        found = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:]).tolist()
        found.sort(key=table.names.__getitem__)
        places = np.full(max(found, default=-1) + 2, -1, np.int32)
        places[found] = np.arange(len(found), dtype=np.int32)
        rows[column] = places[codes]  # the last place is that of -1
        names[column] = [table.names[code] for code in found]
    return rows.tobytes(), names


def unpacked(stored: bytes, names: dict[str, list[str]], dtype: np.dtype[np.void], named: Sequence[tuple[str, Any]] = _NAMED) -> Pnl:
    """The rows that ``packed`` wrote, with the codes of this process."""
    rows: Pnl = np.frombuffer(bytearray(stored), dtype)
    for column, table in named:
        codes = np.array([*map(table.code, names[column]), -1], np.int32)
        rows[column] = codes[rows[column]]
    return rows


def _restore(holdings: list[Holding], cash: list[CashMove], stored: bytes, names: dict[str, list[str]]) -> AccountFrame:
    return AccountFrame(holdings, cash, unpacked(stored, names, PNL))


def split_by_account(frame: AccountFrame) -> list[tuple[int, AccountFrame]]:
    """A frame for each shard of accounts that something is of, in the order of shards; all keep their order."""
    holdings, cash, pnl = frame.holdings, frame.cash, frame.pnl
    parts: dict[int, AccountFrame] = {}
    if len(pnl):
        shards = ACCOUNTS.shard[pnl["account"]]
        ordered = _taken(pnl, np.argsort(shards, kind="stable"))
        ends = np.cumsum(np.bincount(shards, minlength=SHARDS)).tolist()
        parts = {
            shard: AccountFrame([], [], ordered[start:end])
            for shard, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True))
            if end > start
        }
    for holding in holdings:
        _part(parts, holding.account).holdings.append(holding)  # type: ignore[attr-defined]
    for move in cash:
        _part(parts, move.account).cash.append(move)  # type: ignore[attr-defined]
    return sorted(parts.items())


def _part(parts: dict[int, AccountFrame], account: str) -> AccountFrame:
    shard = int(ACCOUNTS.shard[ACCOUNTS.code(account)])
    if shard not in parts:
        parts[shard] = AccountFrame([], [], np.empty(0, PNL))
    return parts[shard]


def _taken(rows: Pnl, order: npt.NDArray[np.intp]) -> Pnl:
    """Rows in an order. NumPy takes records field by field, bytes at once."""
    taken: Pnl = rows.view(f"V{rows.dtype.itemsize}").take(order).view(rows.dtype)
    return taken


def joined_pnl(parts: Sequence[Pnl]) -> Pnl:
    """One array. NumPy copies records field by field, bytes at once."""
    if len(parts) == 1:
        return parts[0]
    joined: Pnl = np.concatenate([np.ascontiguousarray(part).view(np.uint8) for part in parts]).view(PNL)
    return joined


def joined_frames(frames: Sequence[AccountFrame]) -> AccountFrame:
    """One frame of several, in their order."""
    if len(frames) == 1:
        return frames[0]
    holdings = [holding for frame in frames for holding in frame.holdings]
    cash = [move for frame in frames for move in frame.cash]
    rows = [frame.pnl for frame in frames if len(frame.pnl)]
    return AccountFrame(holdings, cash, joined_pnl(rows) if rows else np.empty(0, PNL))
