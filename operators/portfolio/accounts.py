"""Accounts: cash, equity, P&L and exposure of each, from the latest snapshot of each of its positions.

Cold (holdings, cash, accounts, rates): exact decimals, one at a time; each increment of money is converted at the rate of its time. Hot
(rows of P&L): arrays. What an input touched is summed anew at its end, so that an account is said at most once an input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from operators.market.state import grown, taken
from operators.portfolio.account import AccountState, Money, Past, Worth
from operators.portfolio.account_kernel import (
    ACCOUNT,
    ENTRIES,
    ENTRY,
    HELD_ENTRY,
    NO_RATE,
    SUMS,
    TOUCHED,
    UNDER_WAY,
    fill_slots,
    sum_touched,
    take_holdings,
    take_pnl,
    touch_account,
)
from operators.portfolio.exact import ZERO, subtract
from operators.portfolio.rates import Rates
from operators.portfolio.settings import PortfolioSettings
from schemas.control import Account
from schemas.errors import RecoveryError
from schemas.events import LANES, Event, EventType, Header, Place
from schemas.holdings import CashMove, Holding, Rate
from schemas.interning import ACCOUNTS
from schemas.pnl_frames import AccountFrame, Pnl, packed, unpacked
from schemas.portfolio import BalanceUpdate
from schemas.symbols import SYMBOLS
from schemas.times import DAY_NS, format_time

VERSION = 1
"""Of the snapshot: raise it with every change of a stored dtype."""

SOURCE = "portfolio"

Balances = list[Event[BalanceUpdate]]

_NAMED = (("account", ACCOUNTS), ("symbol", SYMBOLS))
_encode = msgspec.json.encode
_decode_past = msgspec.json.Decoder(Past).decode
_NOWHERE = Place("portfolio.accounts", 0, 0)


class Accounts:
    """All accounts of one shard.

    Hearing of a position again, or of an older version, changes nothing. The high-water mark is of the equities that were said: with larger
    inputs it is of fewer moments. At most MAX_NAMES accounts (``schemas.interning``); of each as many symbols as the ledgers hold.
    """

    def __init__(self, settings: PortfolioSettings) -> None:
        self._settings = settings
        self._rates = Rates(settings.pivot)
        self._ledger: npt.NDArray[np.int64] = np.zeros(2, np.int64)
        self._entries = np.zeros(64, ENTRY)
        self._slots: npt.NDArray[np.int32] = np.zeros(256, np.int32)
        self._accounts = np.zeros(0, ACCOUNT)
        self._touched: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._rows: dict[str, int] = {}
        self._row_of: npt.NDArray[np.int32] = np.full(64, -1, np.int32)
        """The same by code, for the kernel."""
        self._states: list[AccountState] = []
        self._pasts: list[Past] = []
        self._stored: list[bytes | None] = []
        """Stored form of each of these, until it changes."""
        self._currencies: list[str] = []
        self._currency_places: dict[str, int] = {}
        self._matrix: npt.NDArray[np.float64] = np.ones((0, 0))
        self._foreign: dict[int, None] = {}
        self._cause: tuple[Place, str] | None = None
        self._evaluated: list[int] = []

    def __len__(self) -> int:
        """How many accounts there are."""
        return len(self._states)

    def on_frame(self, frame: AccountFrame) -> Balances:
        """Take what one input of the symbol shards changed."""
        if frame.holdings:
            self._hold(frame.holdings)
        for move in frame.cash:
            self._move(move)
        pnl = frame.pnl
        if len(pnl):
            if self._cause is None:
                self._cause = Place("market.ticks", 0, int(pnl[-1]["offset"])), ""
            days = pnl["time"] // DAY_NS
            first, last = int(days.min()), int(days.max())
            for day in np.unique(days).tolist()[:-1] if first != last else ():
                self._take(pnl[days == day])
                self._evaluate()  # as the day ended
                self._touch_again()
            self._take(pnl[days == last] if first != last else pnl)
        return self._say()

    def on_account(self, account: Account, time_ns: int, event_id: str = "") -> Balances:
        """Open an account with its cash, or replace what was said of it. Saying it again changes nothing."""
        is_new = account.account not in self._rows
        row = self._open(account.account, account.currency, account)
        if self._states[row].begin(account.currency, account.cash, self._rates) or is_new:
            self._accounts[row]["currency"] = self._currency(account.currency)
            self._foreign[row] = None  # of what currencies its positions are is not looked up again
            self._cause = _NOWHERE, event_id
            self._touch(row, time_ns)
        return self._say()

    def on_rate(self, rate: Rate) -> Balances:
        """A rate of exchange; what depends on it is said anew."""
        if not self._rates.put(rate):
            return []
        before, self._matrix = self._matrix, self._matrix_now()
        differs = ~((before == self._matrix) | (np.isnan(before) & np.isnan(self._matrix))).all(axis=0)
        for row in self._foreign:
            state = self._states[row]
            if (state.pending and state.settle(self._rates)) or differs[self._accounts[row]["currency"]]:
                self._touch(row, rate.time_ns)
        self._cause = rate.place, ""
        return self._say()

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data: names instead of codes, arrays as bytes."""
        entries, names = packed(taken(self._entries, int(self._ledger[ENTRIES])), _NAMED)
        return {
            "version": VERSION,
            "entries": entries,
            "entry_names": names,
            "pasts": b"\n".join(self._stored_pasts()),
            "accounts": taken(self._accounts, len(self._states)).tobytes(),
            "states": [state.dump() for state in self._states],
            "foreign": list(self._foreign),
            "currencies": list(self._currencies),
            "rates": self._rates.dump(),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on an operator that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(
                f"expected stored accounts of version {VERSION}, found {stored.get('version')}",
                hint="start over with another recovery store",
            )
        self._entries = unpacked(stored["entries"], stored["entry_names"], ENTRY, _NAMED)
        self._ledger[ENTRIES] = count = len(self._entries)
        self._slots = np.zeros(max(256, 1 << (2 * count).bit_length()), np.int32)
        fill_slots(self._entries, count, self._slots)
        self._stored = stored["pasts"].split(b"\n") if count else []
        self._pasts = list(map(_decode_past, filter(None, self._stored)))
        self._accounts = np.frombuffer(bytearray(stored["accounts"]), ACCOUNT)
        self._states = [AccountState.load(state) for state in stored["states"]]
        self._touched = np.zeros(len(self._states), np.int32)
        codes = [ACCOUNTS.code(state.name) for state in self._states]
        self._know()
        self._row_of[codes] = np.arange(len(codes), dtype=np.int32)
        self._rows = {state.name: row for row, state in enumerate(self._states)}
        self._foreign = dict.fromkeys(stored["foreign"])
        self._rates.load([(base, quote, mid, time_ns) for base, quote, mid, time_ns in stored["rates"]])
        self._currencies = list(stored["currencies"])
        self._currency_places = {name: place for place, name in enumerate(self._currencies)}
        self._matrix = self._matrix_now()

    def _stored_pasts(self) -> list[bytes]:
        stored = [_encode(past) if form is None else form for past, form in zip(self._pasts, self._stored, strict=True)]
        self._stored = list(stored)
        return stored

    def _hold(self, holdings: Sequence[Holding]) -> None:
        opens, unknown = self._settings.currency, -1
        rows = [self._open(holding.account, opens) for holding in holdings]
        facts = [
            (
                *(ACCOUNTS.code(holding.account), SYMBOLS.code(holding.symbol), row, holding.version, self._currency(holding.currency)),
                *(bool(holding.quantity), holding.is_margined, holding.time_ns, unknown),
            )
            for holding, row in zip(holdings, rows, strict=True)
        ]
        self._reserve(len(holdings))
        columns = np.array(facts, np.int64)
        take_holdings(columns, self._entries, self._slots, self._accounts, self._touched, self._ledger)
        found = columns[:, HELD_ENTRY].tolist()
        self._learn()
        for holding, row, at in zip(holdings, rows, found, strict=True):
            if at >= 0:
                self._book(holding, row, at)

    def _book(self, holding: Holding, row: int, at: int) -> None:
        """Money that came with a holding: what it says beyond the one before it."""
        past, state = self._pasts[at], self._states[row]
        realized = past.realized if holding.realized is None else holding.realized
        moved = ZERO if holding.moved == past.moved else subtract(holding.moved, past.moved)
        money = Money(subtract(holding.cash, past.cash), subtract(realized, past.realized), moved)
        state.take(money, holding.currency, self._rates)
        fees = self._pay_fees(holding, past, state) if holding.foreign_fees or past.foreign_fees else _NO_FEES
        if fees or holding.currency != state.currency:
            self._foreign[row] = None
        if holding.realized is None:
            state.unknown[holding.symbol] = holding.reason or f"the realised P&L of {holding.symbol} is unknown"
        elif state.unknown:
            state.unknown.pop(holding.symbol, None)
        self._pasts[at] = Past(holding.cash, realized, holding.moved, fees)
        self._stored[at] = None
        self._cause = holding.place, holding.correlation_id

    def _pay_fees(self, holding: Holding, past: Past, state: AccountState) -> dict[str, Decimal]:
        """Fees in other currencies since the last version; all of them."""
        fees = dict(holding.foreign_fees)
        for currency in fees.keys() | past.foreign_fees.keys():
            paid = subtract(fees.get(currency, ZERO), past.foreign_fees.get(currency, ZERO))
            state.take(Money(paid.copy_negate(), ZERO), currency, self._rates)
        return fees

    def _move(self, move: CashMove) -> None:
        row = self._open(move.account, self._settings.currency)
        state = self._states[row]
        money = Money(move.amount, move.amount if move.is_income else ZERO, ZERO if move.is_income else move.amount)
        state.take(money, move.currency, self._rates)
        if move.currency != state.currency:
            self._foreign[row] = None
        self._cause = move.place, move.correlation_id
        self._touch(row, move.time_ns)

    def _take(self, pnl: Pnl) -> None:
        self._reserve(len(pnl))
        self._know()
        rows, at = np.ascontiguousarray(pnl), 0
        while at < len(rows):
            at = take_pnl(rows, at, self._row_of, self._entries, self._slots, self._accounts, self._touched, self._ledger)
            if at < len(rows):
                self._open(ACCOUNTS.names[rows[at]["account"]], self._settings.currency)
        self._learn()

    def _evaluate(self) -> list[tuple[int, BalanceUpdate]]:
        """What each touched account is worth now, in order of first touch."""
        count = int(self._ledger[TOUCHED])
        if not count:
            return []
        rows, sums = self._touched[:count].tolist(), np.zeros(count, SUMS)
        self._evaluated = rows
        sum_touched(self._entries, self._accounts, self._matrix, self._touched, sums, self._ledger)
        self._ledger[TOUCHED] = 0
        times = self._accounts["time"][self._touched[:count]].tolist()
        found = zip(rows, sums.tolist(), times, strict=True)
        return [(row, self._states[row].evaluate(self._worth(row, numbers), time_ns)) for row, numbers, time_ns in found]

    def _worth(self, row: int, numbers: Any) -> Worth:
        unrealized, gross, net, worth, cause, at = numbers
        if not cause:
            return Worth(unrealized, gross, net, worth, None)
        entry = self._entries[at]
        symbol = SYMBOLS.names[entry["symbol"]]
        if cause == UNDER_WAY:
            reason = f"the position of {symbol} awaits its mark"
        elif cause == NO_RATE:
            reason = f"no rate of {self._currencies[entry['currency']]} in {self._states[row].currency}"
        else:
            reason = f"{symbol} has had no quote, trade or bar, or none that gives it a worth"
        return Worth(None, None, None, None, reason)

    def _say(self) -> Balances:
        """An event of each touched account."""
        place, correlation = self._cause or (_NOWHERE, "")
        self._cause = None
        said = []
        for row, balance in self._evaluate():
            time_ns = int(self._accounts[row]["time"])
            digest = hashlib.blake2b(_encode((balance, correlation)), digest_size=12).hexdigest()
            identity = f"balance|{balance.account}|{balance.currency}|{time_ns}|{digest}"
            priority, when = int(LANES[EventType.BALANCE_UPDATE]), format_time(max(time_ns, 0))
            header = Header(identity, correlation or identity, EventType.BALANCE_UPDATE.value, priority, when, SOURCE)
            said.append(Event(header, balance, time_ns, place))
        return said

    def _open(self, name: str, currency: str, account: Account | None = None) -> int:
        """The row of an account; one that nobody opened has no cash."""
        known = self._rows.get(name)
        if known is not None:
            return known
        row = len(self._states)
        if row == len(self._accounts):
            more = max(64, row)
            self._accounts = grown(self._accounts, np.zeros(more, ACCOUNT))
            self._touched = np.concatenate([self._touched, np.zeros(more, np.int32)])
        self._accounts[row] = (-1, -1, self._currency(currency), 0)
        self._states.append(AccountState(name, currency, ZERO if account is None else account.cash))
        code = ACCOUNTS.code(name)
        self._know()
        self._row_of[code] = self._rows[name] = row
        return row

    def _learn(self) -> None:
        """What the entries said that are new: nothing."""
        more = int(self._ledger[ENTRIES]) - len(self._pasts)
        self._pasts += [_NO_PAST] * more
        self._stored += [_NO_PAST_STORED] * more

    def _touch(self, row: int, time_ns: int) -> None:
        touch_account(self._accounts, row, time_ns, self._touched, self._ledger)

    def _touch_again(self) -> None:
        """All that were touched in this input so far, and evaluated, are to be said at its end."""
        for row in self._evaluated:
            self._touch(row, -1)

    def _currency(self, name: str) -> int:
        """The place of a currency in the table of rates."""
        place = self._currency_places.get(name)
        if place is None:
            place = self._currency_places[name] = len(self._currencies)
            self._currencies.append(name)
            self._matrix = self._matrix_now()
        return place

    def _matrix_now(self) -> npt.NDArray[np.float64]:
        rates = [[self._rates.rate(base, quote) for quote in self._currencies] for base in self._currencies]
        table = [[np.nan if rate is None else float(rate) for rate in row] for row in rates]
        return np.array(table, np.float64).reshape(len(rates), len(rates))

    def _reserve(self, entries: int) -> None:
        """Room for so many entries more."""
        needed = int(self._ledger[ENTRIES]) + entries
        if needed > len(self._entries):
            self._entries = grown(self._entries, np.zeros(max(needed, 2 * len(self._entries)) - len(self._entries), ENTRY))
        if 2 * needed > len(self._slots):
            self._slots = np.zeros(1 << (2 * needed).bit_length(), np.int32)
            fill_slots(self._entries, int(self._ledger[ENTRIES]), self._slots)

    def _know(self) -> None:
        """Room for every account there is."""
        if len(ACCOUNTS.names) > len(self._row_of):
            more = max(len(ACCOUNTS.names), 2 * len(self._row_of)) - len(self._row_of)
            self._row_of = np.concatenate([self._row_of, np.full(more, -1, np.int32)])


_NO_FEES: dict[str, Decimal] = {}
_NO_PAST = Past()
_NO_PAST_STORED = _encode(_NO_PAST)
