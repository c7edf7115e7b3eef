"""What a unit is worth: the last marks of all symbols, and what their instruments say.

Marks come as frames of columns, many a second; they are folded only when a price is asked for, or when many wait.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from operators.orders.decimals import EXACT, OUTPUT
from schemas.control import Instrument
from schemas.pnl_frames import packed, unpacked
from schemas.risk_frames import SYMBOL_MARK, SymbolMarks
from schemas.symbols import SYMBOLS

FRAMES_WAITING = 64
"""Frames that wait to be folded."""

_NAMED = (("symbol", SYMBOLS),)
_BYTES = np.dtype(f"V{SYMBOL_MARK.itemsize}")


class Terms(NamedTuple):
    """Of an instrument."""

    multiplier: Decimal = Decimal(1)
    currency: str = "USD"
    inverse: bool = False


PLAIN = Terms()


class Prices:
    """Of all symbols; every shard has its own, for each is restored by itself."""

    def __init__(self) -> None:
        self._rows = _unknown(64)
        self._columns = _columns(self._rows)
        self._waiting: list[SymbolMarks] = []
        self._terms: dict[str, Terms] = {}
        self._stored: dict[str, Any] | None = None

    def put(self, marks: SymbolMarks) -> None:
        """Take marks that are later than those before."""
        self._waiting.append(marks)
        self._stored = None
        if len(self._waiting) >= FRAMES_WAITING:
            self._fold()

    def put_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        """Take an instrument's terms; None: it is deleted."""
        self._stored = None
        if instrument is None:
            self._terms.pop(symbol, None)
        else:
            self._terms[symbol] = Terms(instrument.multiplier, instrument.currency, instrument.inverse)

    @property
    def time_ns(self) -> int:
        """Event time of the latest mark; 0: there is none."""
        self._fold()
        return int(self._rows["time"].max())

    def last(self, symbol: str) -> Decimal | None:
        """The last trade, else the middle of the quote; None: no mark is known."""
        return _exact(self.last_number(symbol))

    def last_number(self, symbol: str) -> float:
        """The same as a double; NaN: no mark is known."""
        price = self._of(symbol, "last")
        return price if price == price else (self._of(symbol, "long") + self._of(symbol, "short")) / 2.0

    def touch(self, symbol: str, side: str) -> Decimal | None:
        """Where an order that crosses the market would be filled: a buy at the ask, a sell at the bid, else at the last trade."""
        return _exact(self._of(symbol, "short" if side == "buy" else "long"))

    def worth(self, symbol: str, price: Decimal, currency: str | None) -> Decimal | None:
        """Absolute worth of one unit at a price, in a currency (None: the instrument's); None: no rate is known."""
        terms = self._terms.get(symbol, PLAIN)
        worth = price
        if terms.inverse:
            worth = OUTPUT.divide(terms.multiplier, price) if price else Decimal(0)
        elif terms.multiplier != 1:
            worth = EXACT.multiply(price, terms.multiplier)
        if currency is not None and currency != terms.currency:
            rate = self.rate(terms.currency, currency)
            if rate is None:
                return None
            worth = EXACT.multiply(worth, rate)
        return worth.copy_abs()

    def rate(self, base: str, quote: str) -> Decimal | None:
        """What one unit of a currency is worth in another: by the pair's mark, or by that of the pair the other way round."""
        if base == quote:
            return Decimal(1)
        direct = self.last(base + quote)
        if direct:
            return direct
        inverse = self.last(quote + base)
        return OUTPUT.divide(1, inverse) if inverse else None

    def stored(self) -> dict[str, Any]:
        """As plain data."""
        if self._stored is None:
            self._fold()
            known = sorted(np.flatnonzero(self._rows["symbol"] >= 0).tolist(), key=SYMBOLS.names.__getitem__)
            marks, names = packed(self._rows[known], _NAMED)
            self._stored = {
                "marks": marks,
                "names": names,
                "terms": [(symbol, str(terms.multiplier), terms.currency, terms.inverse) for symbol, terms in self._terms.items()],
            }
        return self._stored

    def load(self, stored: dict[str, Any]) -> None:
        """As they were stored."""
        rows = unpacked(stored["marks"], stored["names"], SYMBOL_MARK, _NAMED)
        self._waiting = [SymbolMarks(rows)] if len(rows) else []
        self._fold()
        self._terms = {symbol: Terms(Decimal(multiplier), currency, inverse) for symbol, multiplier, currency, inverse in stored["terms"]}
        self._stored = None

    def _of(self, symbol: str, column: str) -> float:
        if self._waiting:
            self._fold()
        code = SYMBOLS.code(symbol)
        return self._columns[column].item(code) if code < len(self._rows) else np.nan

    def _fold(self) -> None:
        """The last row of a symbol holds, for NumPy assigns in order; bytes at once, for it assigns records field by field."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        rows = waiting[0].rows if len(waiting) == 1 else _joined(waiting)
        if len(SYMBOLS) > len(self._rows):
            grown = _unknown(2 * len(SYMBOLS))
            grown[: len(self._rows)] = self._rows
            self._rows, self._columns = grown, _columns(grown)
        self._rows.view(_BYTES)[rows["symbol"]] = np.ascontiguousarray(rows).view(_BYTES)


def _unknown(count: int) -> npt.NDArray[np.void]:
    rows = np.zeros(count, SYMBOL_MARK)
    rows["symbol"] = -1
    for name in ("long", "short", "last"):
        rows[name] = np.nan
    return rows


def _columns(rows: npt.NDArray[np.void]) -> dict[str, npt.NDArray[np.float64]]:
    """Prices as views: to make one costs more than to read from it."""
    return {name: rows[name] for name in ("long", "short", "last")}


def _joined(frames: list[SymbolMarks]) -> npt.NDArray[np.void]:
    """One array. NumPy copies records field by field, bytes at once."""
    return np.concatenate([np.ascontiguousarray(frame.rows).view(np.uint8) for frame in frames]).view(SYMBOL_MARK)


def _exact(price: float) -> Decimal | None:
    return Decimal(repr(price)) if price == price else None
