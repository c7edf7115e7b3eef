"""Rates of exchange from ticks: the mid of a pair's quote, else its last trade, conflated per frame."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market import marks
from operators.market.marks import mark_quote, mark_trade, pass_time
from operators.market.state import grown
from operators.portfolio.rates import pair_of
from schemas.control import Instrument
from schemas.errors import RecoveryError
from schemas.events import Place
from schemas.holdings import Rate
from schemas.kernels import kernel, plain
from schemas.symbols import SYMBOLS, shard_of
from schemas.ticks import TRADE, TickFrame

VERSION = 2

_MARK = np.dtype([*marks.FIELDS, ("touched", np.int32), ("low", np.float64), ("high", np.float64)], align=True)
"""Low and high: the newest two prices that make a rate, of a trade one and the same. What makes none leaves them."""
_NO_PAIR = -1


@kernel
def _take(rows: npt.NDArray[np.void], row_of: npt.NDArray[np.int32], pairs: npt.NDArray[np.void]) -> int:
    """Apply the ticks of pairs; how many made a rate. ``row_of`` ends with what a row without a symbol means: no pair."""
    count = 0
    for at in range(rows.size):
        tick = rows[at]
        row = row_of[tick["symbol"]]
        if row < 0:
            continue
        pair = pairs[row]
        pass_time(pair, tick)
        if tick["kind"] == TRADE:
            mark_trade(pair, tick)
        else:
            mark_quote(pair, tick)
        low, high = pair["bid"], pair["ask"]
        if np.isnan(low) or np.isnan(high):
            low = high = pair["price"]
        if 0.0 < low + high < np.inf:
            pair["low"], pair["high"], pair["touched"] = low, high, 1
            count += 1
    return count


class PairMarks:
    """The pairs of one shard of symbols. A shard without any costs next to nothing.

    Args:
        shard: its number; other shards' symbols are ignored. None: all are its own.
    """

    def __init__(self, shard: int | None = None) -> None:
        self._shard = shard
        self._instruments: dict[str, tuple[str, str] | None] = {}
        self._names: list[str] = []
        self._pairs: list[tuple[str, str]] = []
        self._marks = np.zeros(0, _MARK)
        self._said: list[str] = []
        self._row_of: npt.NDArray[np.int32] = np.full(1, _NO_PAIR, np.int32)
        self._known = 0

    def on_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        """Learn what a symbol's price is; it is so from the next tick on. An instrument that is deleted has the defaults."""
        if self._shard is not None and shard_of(symbol.encode("utf-8", "surrogatepass")) != self._shard:
            return
        if instrument is None:
            self._instruments.pop(symbol, None)
        else:
            self._instruments[symbol] = pair_of(symbol, instrument)
        code = SYMBOLS.code(symbol)
        self._learn()
        self._row_of[code] = self._row(symbol)

    def on_frame(self, frame: TickFrame) -> list[Rate]:
        """A rate of each pair of the frame whose mid changed."""
        if self._known != len(SYMBOLS.names):
            self._learn()
        if not self._names:
            return []
        rows = frame.rows if frame.rows.flags.c_contiguous else np.ascontiguousarray(frame.rows)
        if not _take(rows, self._row_of, self._marks):
            return []
        touched = sorted(np.flatnonzero(self._marks["touched"]).tolist(), key=self._names.__getitem__)
        self._marks["touched"] = 0
        return [rate for row in touched if (rate := self._rate(row)) is not None]

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data: of pairs that have had a tick, by name."""
        ticked = sorted(np.flatnonzero(self._marks["time"] >= 0).tolist(), key=self._names.__getitem__)
        return {
            "version": VERSION,
            "instruments": {symbol: list(pair) if pair else None for symbol, pair in self._instruments.items()},
            "names": [self._names[row] for row in ticked],
            "pairs": [list(self._pairs[row]) for row in ticked],
            "marks": b"".join(self._marks[row].tobytes() for row in ticked),
            "said": [self._said[row] for row in ticked],
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on an operator that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(f"expected stored rates of version {VERSION}, found {stored.get('version')}")
        self._instruments = {symbol: (pair[0], pair[1]) if pair else None for symbol, pair in stored["instruments"].items()}
        self._names, self._said = list(stored["names"]), list(stored["said"])
        self._pairs = [(base, quote) for base, quote in stored["pairs"]]
        self._marks = np.frombuffer(bytearray(stored["marks"]), _MARK)
        for name in self._names:
            SYMBOLS.code(name)
        self._known = 0
        self._learn()

    def _learn(self) -> None:
        """Look at the symbols that are new in this process."""
        count = len(SYMBOLS.names)
        if count >= len(self._row_of):
            self._row_of = np.concatenate([self._row_of, np.full(count, _NO_PAIR, np.int32)])
        for code in range(self._known, count):
            if self._shard is None or SYMBOLS.shard[code] == self._shard:
                self._row_of[code] = self._row(SYMBOLS.names[code])
        self._known = count

    def _row(self, name: str) -> int:
        """Where a symbol's marks stand if it is a pair."""
        pair = self._instruments[name] if name in self._instruments else pair_of(name, None)
        if pair is None:
            return _NO_PAIR
        if name in self._names:
            self._pairs[self._names.index(name)] = pair
            return self._names.index(name)
        blank = np.zeros(1, _MARK)
        plain(marks.reset_mark)(blank[0])
        self._marks = grown(self._marks, blank)
        self._names.append(name)
        self._pairs.append(pair)
        self._said.append("")
        return len(self._names) - 1

    def _rate(self, row: int) -> Rate | None:
        mark = self._marks[row]
        mid = (Decimal(str(float(mark["low"]))) + Decimal(str(float(mark["high"])))) / 2
        if str(mid) == self._said[row]:
            return None
        self._said[row] = str(mid)
        base, quote = self._pairs[row]
        return Rate(base, quote, mid, int(mark["time"]), Place("market.ticks", 0, int(mark["offset"])))
