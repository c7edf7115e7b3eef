"""The rows of a shard of symbols: each symbol's record, found by its code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market.state import grown
from operators.risk.symbols.watch_state import CHANGED, SYMBOL, SYMBOL_COUNT, Ledger, Records, blank_symbols
from schemas.control import Instrument
from schemas.symbols import SYMBOLS


class SymbolRows:
    """Symbols that had a tick or a bar, or that somebody holds or watches, in order of first appearance.

    Attributes:
        records: shape (capacity,), dtype SYMBOL; in use are the ledger's SYMBOL_COUNT.
        row_of: shape (codes known,): the row of each symbol; -1: it has none.
        codes: shape (capacity,): the symbol of each row.
        changed: shape (capacity,): room for rows whose marks are to be said.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.records: Records = blank_symbols(0)
        self.row_of: npt.NDArray[np.int32] = np.full(1024, -1, np.int32)
        self.changed: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.codes: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._ledger = ledger
        self._negative: dict[str, None] = {}

    def row(self, name: str) -> int:
        """The row of a symbol, which is given one if it has none.

        Raises:
            RejectedRecord: it is no symbol.
        """
        code = SYMBOLS.code(name)
        self.know()
        if self.row_of[code] < 0:
            self.admit(np.array([code], np.int32))
        return int(self.row_of[code])

    def find(self, name: str) -> int:
        """The row of a symbol; -1: it has none."""
        code = SYMBOLS.code(name)
        return int(self.row_of[code]) if code < len(self.row_of) else -1

    def admit(self, codes: npt.NDArray[np.int32]) -> None:
        """Give those of these symbols a row that have none."""
        codes = codes[codes >= 0]
        codes = codes[self.row_of[codes] < 0]
        _, firsts = np.unique(codes, return_index=True)
        new = codes[np.sort(firsts)]
        first, count = int(self._ledger[SYMBOL_COUNT]), int(self._ledger[SYMBOL_COUNT]) + len(new)
        if count > len(self.records):
            more = max(64, count, 2 * len(self.records)) - len(self.records)
            self.records = grown(self.records, blank_symbols(more))
            self.codes, self.changed = (np.concatenate([old, np.zeros(more, np.int32)]) for old in (self.codes, self.changed))
        self.codes[first:count] = new
        self.row_of[new] = np.arange(first, count, dtype=np.int32)
        self._ledger[SYMBOL_COUNT] = count
        for row, code in enumerate(new.tolist(), first):
            self.records[row]["allow_negative"] = SYMBOLS.names[code] in self._negative

    def know(self) -> None:
        """Room for every symbol there is."""
        if len(SYMBOLS.names) > len(self.row_of):
            more = max(len(SYMBOLS.names), 2 * len(self.row_of)) - len(self.row_of)
            self.row_of = np.concatenate([self.row_of, np.full(more, -1, np.int32)])

    def instruct(self, name: str, instrument: Instrument | None) -> None:
        """Learn whether prices below zero are prices. An instrument that is deleted has the defaults."""
        if instrument is not None and instrument.allow_negative:
            self._negative[name] = None
        else:
            self._negative.pop(name, None)
        row = self.find(name)
        if row >= 0:
            self.records[row]["allow_negative"] = name in self._negative

    def name(self, row: int) -> str:
        """The symbol of a row."""
        return SYMBOLS.names[int(self.codes[row])]

    def note(self, row: int) -> None:
        """The marks of a held symbol are to be said."""
        symbol = self.records[row]
        if symbol["count"] and not symbol["changed"]:
            symbol["changed"] = 1
            self.changed[self._ledger[CHANGED]] = row
            self._ledger[CHANGED] += 1

    def changed_rows(self) -> list[int]:
        """The rows whose marks are to be said."""
        rows: list[int] = self.changed[: self._ledger[CHANGED]].tolist()
        return rows

    def dump(self) -> dict[str, Any]:
        """As plain data: names instead of codes."""
        count = int(self._ledger[SYMBOL_COUNT])
        return {
            "names": [self.name(row) for row in range(count)],
            "records": self.records[:count].tobytes(),
            "negative": list(self._negative),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from ``dump``."""
        self.codes = np.array([SYMBOLS.code(name) for name in stored["names"]], np.int32)
        self.know()
        count = len(self.codes)
        self.row_of[self.codes] = np.arange(count, dtype=np.int32)
        self.records = np.frombuffer(bytearray(stored["records"]), SYMBOL)
        self.changed = np.zeros(count, np.int32)
        self._negative = dict.fromkeys(stored["negative"])
        self._ledger[SYMBOL_COUNT] = count
