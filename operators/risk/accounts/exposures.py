"""What accounts hold and what it is worth: positions at marks, in each account's currency, with the margin that they need.

Cold (positions, instruments, rates) comes one at a time; hot (marks) as arrays. Exposure is ``q * multiplier * mark`` (inverse: ``/ mark``)
at the rate of now; a rate that is not known makes the account's sums unknown, never 0 or 1.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from operators.market.state import grown, taken
from operators.portfolio.rates import Rates
from operators.risk.accounts.exposure_kernel import (
    ACCOUNT,
    ENTRY,
    LATEST,
    NO_RATE,
    SUMS,
    SYMBOL,
    TOUCHED,
    UNMARKED,
    revalue,
    sum_touched,
    take_marks,
    touch_account,
    touch_accounts,
    value_entry,
)
from schemas.control import Instrument
from schemas.events import Place
from schemas.holdings import Rate
from schemas.symbols import SYMBOLS

TICKS, BARS = "market.ticks", "market.bars"

_TERMS = ("multiplier", "inverse", "initial", "maintenance")


class Held(NamedTuple):
    """Of a symbol, exact, neither below 0."""

    long: Decimal
    short: Decimal


_NOTHING = Held(Decimal(0), Decimal(0))


class ExposureBook:
    """The holdings of some accounts at present marks. Entries of what is flat stay: they are as many as accounts ever held symbols.

    Attributes:
        names: of the accounts, by row.
        sums: shape (capacity,), dtype SUMS: of each account, as of the last ``evaluate``.
        accounts: shape (capacity,), dtype ACCOUNT.
        entries: shape (capacity,), dtype ENTRY; the first ``entry_count`` are in use.
        rates: of exchange.
        matrix: shape (currencies, currencies): worth of one unit of the row's in the column's; NaN: unknown.
    """

    def __init__(self, pivot: str, currency: str) -> None:
        """``pivot``: the currency through which two others are converted that have no pair; ``currency``: of accounts that name none."""
        self.names: list[str] = []
        self.entries = np.zeros(64, ENTRY)
        self.accounts = np.zeros(0, ACCOUNT)
        self.sums = np.zeros(0, SUMS)
        self._rows: dict[str, int] = {}
        self._currency_of_row: list[str] = []
        self.rates = Rates(pivot)
        self._currencies: list[str] = [currency]
        self.matrix: npt.NDArray[np.float64] = np.ones((1, 1))
        self._symbols = np.zeros(0, SYMBOL)
        self._codes: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._symbol_count = 0
        self._row_of: npt.NDArray[np.int32] = np.full(64, -1, np.int32)
        self._touched: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._summed: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._ledger: npt.NDArray[np.int64] = np.zeros(2, np.int64)
        self._places: dict[tuple[int, int], int] = {}
        self._held: list[Held] = []

    def row(self, account: str, currency: str | None = None) -> int:
        """The row of an account, which is opened if it is new; its currency is changed where one is given."""
        row = self._rows.get(account, -1)
        if row < 0:
            row = self._open(account)
        if currency is not None and self._currency_of_row[row] != currency:
            self.accounts[row]["currency"] = self._currency(currency)
            self._currency_of_row[row] = currency
            self.touch(row)
        return row

    def currency_of(self, row: int) -> str:
        """Of an account."""
        return self._currency_of_row[row]

    def hold(self, row: int, symbol: str, held: Held, currency: str) -> int:
        """Let an account hold so much of a symbol whose prices are in a currency; the entry."""
        at = self._symbol(SYMBOLS.code(symbol))
        place = self._places.get((row, at), -1)
        if place < 0:
            place = self._enter(row, at)
        entry = self.entries[place]
        entry["long"], entry["short"], entry["currency"] = float(held.long), float(held.short), self._currency(currency)
        self._held[place] = held
        value_entry(place, self._symbols, self.entries)
        self.touch(row)
        return place

    def on_marks(self, marks: npt.NDArray[np.void]) -> int:
        """Take marks of symbols, dtype SYMBOL_MARK, at least one, at most one of each; older ones than known change nothing.

        Returns which of them is the latest.
        """
        self._know()
        rows, at = np.ascontiguousarray(marks), 0
        self._ledger[LATEST] = 0
        while at < len(rows):
            at = take_marks(rows, at, self._row_of, self._symbols, self.entries, self.accounts, self._touched, self._ledger)
            if at < len(rows):
                self._admit(rows["symbol"][at:])
        return self._ledger.item(LATEST)

    def on_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        """Learn a symbol's terms; one that is deleted has the defaults, as one that nobody defined.

        Of two margin rates one that is not given is as the other; without either nothing is needed.
        """
        terms = instrument or Instrument(symbol)
        rates = [terms.initial_margin, terms.maintenance_margin]
        initial, maintenance = (float(rate if rate is not None else other or 0) for rate, other in zip(rates, rates[::-1], strict=True))
        row = self._symbol(SYMBOLS.code(symbol))
        found = self._symbols[row]
        now = (float(terms.multiplier), int(terms.inverse), initial, maintenance)
        if tuple(found[name] for name in _TERMS) != now:
            for name, number in zip(_TERMS, now, strict=True):
                found[name] = number
            revalue(row, self._symbols, self.entries, self.accounts, self._touched, self._ledger)

    def on_rate(self, rate: Rate) -> None:
        """A rate of exchange; accounts whose currency it moves are to be summed anew."""
        if not self.rates.put(rate):
            return
        before, self.matrix = self.matrix, self._matrix_now()
        differs = ~((before == self.matrix) | (np.isnan(before) & np.isnan(self.matrix))).all(axis=0)
        for row in np.flatnonzero(differs[self.accounts["currency"][: len(self.names)]]).tolist() if differs.any() else ():
            self.touch(row, rate.time_ns)

    def touch(self, row: int, time_ns: int = -1) -> None:
        """Sum an account anew at the next ``evaluate``."""
        touch_account(self.accounts, row, time_ns, -1, 0, self._touched, self._ledger)

    def touch_all(self, rows: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> None:
        """Sum these accounts anew, each because of something of that time."""
        touch_accounts(self.accounts, rows, times, self._touched, self._ledger)

    @property
    def touched(self) -> int:
        """How many accounts are to be summed anew."""
        return self._ledger.item(TOUCHED)

    def watch(self, rows: list[int]) -> None:
        """The numbers of these accounts, and of no others, are wanted at each input."""
        self.accounts["watched"] = 0
        self.accounts["watched"][rows] = 1

    def evaluate(self, *, everything: bool = True) -> list[int]:
        """Sum the accounts that something touched, or only those that are watched; their rows, in order of first touch."""
        if not self.touched:
            return []
        arrays = self._symbols, self.entries, self.accounts, self.matrix, self._touched, self._summed
        count = sum_touched(*arrays, self.sums, self._ledger, everything)
        found: list[int] = self._summed[:count].tolist()
        return found

    def rates_of(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """For entries the rate from their instrument's currency into their account's; NaN: unknown."""
        entries = self.entries[places]
        return np.asarray(self.matrix[entries["currency"], self.accounts["currency"][entries["row"]]])

    @property
    def entry_count(self) -> int:
        """How many entries there are."""
        return len(self._held)

    def reason(self, row: int) -> str | None:
        """Why the sums of an account are not known; None: they are."""
        total = self.sums[row]
        if total["cause"] not in (UNMARKED, NO_RATE):
            return None
        entry = self.entries[total["entry"]]
        if total["cause"] == NO_RATE:
            return f"no rate of {self._currencies[entry['currency']]} in {self.currency_of(row)}"
        return f"{self.symbol_of(int(total['entry']))} has had no quote, trade or bar, or none that gives it a worth"

    def place_of(self, row: int, symbol: str) -> int:
        """The entry of an account and a symbol; -1: there is none."""
        code = SYMBOLS.code(symbol)
        return self._places.get((row, int(self._row_of[code])), -1) if code < len(self._row_of) else -1

    def symbol_of(self, place: int) -> str:
        """The name of an entry's symbol."""
        return SYMBOLS.names[int(self._codes[self.entries[place]["symbol"]])]

    def held(self, place: int) -> Held:
        """What an entry holds; of -1 nothing."""
        return self._held[place] if place >= 0 else _NOTHING

    def places(self, row: int) -> list[int]:
        """The entries of an account that hold something, the newest first."""
        found, at = [], int(self.accounts[row]["head"])
        while at >= 0:
            if self._held[at] != _NOTHING:
                found.append(at)
            at = int(self.entries[at]["next"])
        return found

    def cause(self, row: int) -> tuple[int, Place]:
        """Time of the last mark that touched an account, and its record."""
        account = self.accounts[row]
        return int(account["time"]), place_of(int(account["partition"]), int(account["offset"]))

    def mark(self, symbol: str, *, buys: bool) -> float | None:
        """The price at which a side trades: what a position of the other side is marked at; None: unknown."""
        code = SYMBOLS.code(symbol)
        row = int(self._row_of[code]) if code < len(self._row_of) else -1
        price = float(self._symbols[row]["short" if buys else "long"]) if row >= 0 else math.nan
        return price if math.isfinite(price) else None

    def codes_of(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Codes in SYMBOLS of rows of symbols, as entries name them."""
        return np.asarray(self._codes[rows])

    def dump(self) -> dict[str, Any]:
        """Plain data: names instead of codes, arrays as bytes."""
        return {
            "names": list(self.names),
            "accounts": taken(self.accounts, len(self.names)).tobytes(),
            "sums": taken(self.sums, len(self.names)).tobytes(),
            "symbols": taken(self._symbols, self._symbol_count).tobytes(),
            "symbol_names": [SYMBOLS.names[code] for code in self._codes[: self._symbol_count].tolist()],
            "entries": taken(self.entries, len(self._held)).tobytes(),
            "held": [(str(held.long), str(held.short)) for held in self._held],
            "currencies": list(self._currencies),
            "rates": self.rates.dump(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from what ``dump`` returned."""
        self.names = list(stored["names"])
        self._rows = {name: row for row, name in enumerate(self.names)}
        self.accounts = np.frombuffer(bytearray(stored["accounts"]), ACCOUNT)
        self.sums = np.frombuffer(bytearray(stored["sums"]), SUMS)
        self._touched, self._summed = np.zeros((2, len(self.names)), np.int32)
        waiting = np.flatnonzero(self.accounts["touched"])
        self._touched[: len(waiting)] = waiting
        self._ledger[TOUCHED] = len(waiting)
        self._symbols = np.frombuffer(bytearray(stored["symbols"]), SYMBOL)
        self._codes = np.array([SYMBOLS.code(name) for name in stored["symbol_names"]], np.int32)
        self._symbol_count = len(self._codes)
        self._know()
        self._row_of[self._codes] = np.arange(self._symbol_count, dtype=np.int32)
        self.entries = np.frombuffer(bytearray(stored["entries"]), ENTRY)
        self._held = [Held(Decimal(long), Decimal(short)) for long, short in stored["held"]]
        keys = zip(self.entries["row"].tolist(), self.entries["symbol"].tolist(), strict=True)
        self._places = {key: place for place, key in enumerate(keys)}
        self._currencies = list(stored["currencies"])
        self._currency_of_row = [self._currencies[code] for code in self.accounts["currency"].tolist()]
        self.rates.load([(base, quote, mid, time_ns) for base, quote, mid, time_ns in stored["rates"]])
        self.matrix = self._matrix_now()

    def _open(self, account: str) -> int:
        row = len(self.names)
        if row == len(self.accounts):
            more = max(64, row)
            self.accounts, self.sums = grown(self.accounts, np.zeros(more, ACCOUNT)), grown(self.sums, np.zeros(more, SUMS))
            self._touched, self._summed = np.concatenate([self._touched, np.zeros(more, np.int32)]), np.zeros(row + more, np.int32)
        self.accounts[row]["time"], self.accounts[row]["partition"], self.accounts[row]["head"] = -1, -1, -1
        self.sums[row]["entry"] = -1
        self.names.append(account)
        self._currency_of_row.append(self._currencies[0])
        self._rows[account] = row
        return row

    def _enter(self, row: int, symbol: int) -> int:
        """A new entry, first of its account's and its symbol's."""
        place = len(self._held)
        if place == len(self.entries):
            self.entries = grown(self.entries, np.zeros(max(64, place), ENTRY))
        entry = self.entries[place]
        entry["row"], entry["symbol"] = row, symbol
        entry["next"], entry["next_of_symbol"] = self.accounts[row]["head"], self._symbols[symbol]["head"]
        self.accounts[row]["head"] = self._symbols[symbol]["head"] = place
        self._places[row, symbol] = place
        self._held.append(_NOTHING)
        return place

    def _symbol(self, code: int) -> int:
        if code >= len(self._row_of) or self._row_of[code] < 0:
            self._admit(np.array([code], np.int32))
        return int(self._row_of[code])

    def _admit(self, codes: npt.NDArray[np.int32]) -> None:
        """Give those of these symbols a row that have none, in order of first appearance."""
        self._know()
        new = codes[self._row_of[codes] < 0]
        if not len(new):
            return
        first, count = self._symbol_count, self._symbol_count + len(new)
        if count > len(self._symbols):
            more = max(64, count, 2 * len(self._symbols)) - len(self._symbols)
            blank = np.zeros(more, SYMBOL)
            blank["long"] = blank["short"] = np.nan
            blank["time"], blank["head"], blank["multiplier"] = -1, -1, 1.0
            self._symbols = grown(self._symbols, blank)
            self._codes = np.concatenate([self._codes, np.zeros(more, np.int32)])
        self._codes[first:count] = new
        self._row_of[new] = np.arange(first, count, dtype=np.int32)
        self._symbol_count = count

    def _know(self) -> None:
        """Room for every symbol there is."""
        if len(SYMBOLS.names) > len(self._row_of):
            more = max(len(SYMBOLS.names), 2 * len(self._row_of)) - len(self._row_of)
            self._row_of = np.concatenate([self._row_of, np.full(more, -1, np.int32)])

    def _currency(self, name: str) -> int:
        """The place of a currency in the table of rates."""
        if name not in self._currencies:
            self._currencies.append(name)
            self.matrix = self._matrix_now()
        return self._currencies.index(name)

    def _matrix_now(self) -> npt.NDArray[np.float64]:
        rates = [[self.rates.rate(base, quote) for quote in self._currencies] for base in self._currencies]
        table = [[np.nan if rate is None else float(rate) for rate in row] for row in rates]
        return np.array(table, np.float64).reshape(len(rates), len(rates))


def place_of(partition: int, offset: int) -> Place:
    """The record that made a mark: a tick, or in partition -1 a bar."""
    return Place(BARS if partition < 0 else TICKS, max(partition, 0), offset)
