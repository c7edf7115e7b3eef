"""Statistics of accounts: what their positions as they stand would have made of past returns (``portfolio.py``), kept until they are stale.

They are stale when a bar of the interval closed, or when what is held or its equity's being known changed; marks alone change nothing. Of
many that are stale at once only so many are computed in a second of event time; the rest when the next one begins: so a thousand bars that
close together are not a thousand rounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.risk.accounts.exposures import ExposureBook
from operators.risk.settings import RiskFlowSettings
from operators.risk.statistics.portfolio import RiskNumbers, portfolio_returns, risk_numbers
from operators.risk.statistics.returns import ReturnWindows
from schemas.intervals import NO_INTERVAL, wire_interval
from schemas.market_frames import Bars
from schemas.symbols import SYMBOLS
from schemas.times import END_OF_TIME_NS

AT_ONCE = 64
"""Accounts that are computed in a second of event time without waiting for its end."""

SECOND_NS = 1_000_000_000

NUMBERS = ("var_parametric", "var_ewma", "var_historical", "expected_shortfall", "realized_volatility", "beta")


class Statistics:
    """Of the accounts of a book.

    Attributes:
        numbers: shape (capacity, len(NUMBERS)): of each account, NaN where not known.
        observations: shape (capacity,): returns that were used.
    """

    def __init__(self, settings: RiskFlowSettings, book: ExposureBook) -> None:
        self._settings, self._book = settings, book
        self._windows = ReturnWindows(settings.interval, settings.intervals, settings.window)
        self._unnamed = wire_interval(settings.interval)
        self._stale: dict[int, None] = {}
        self._second, self._done = -1, 0
        self.numbers = np.full((0, len(NUMBERS)), np.nan)
        self.observations: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def on_bars(self, bars: Bars) -> bool:
        """Take bars; whether any of the interval was new. One that names no interval is taken for one of it."""
        nameless = bars["interval"] == NO_INTERVAL
        if nameless.any():
            bars = np.array(bars)
            bars["interval"][nameless] = self._unnamed
        if not self._windows.on_bars(np.asarray(bars)):
            return False
        self.stale(row for row in range(len(self._book.names)) if self._book.accounts[row]["head"] >= 0)
        return True

    def stale(self, rows: Iterable[int]) -> None:
        """These are to be computed anew."""
        self._stale.update(dict.fromkeys(rows))

    def due(self, time_ns: int) -> list[int]:
        """Those that are to be computed now, stale no more."""
        second = time_ns // SECOND_NS
        if second > self._second:
            self._second, self._done = second, 0
            rows = list(self._stale)
        else:
            rows = list(self._stale)[: None if time_ns == END_OF_TIME_NS else max(AT_ONCE - self._done, 0)]
        self._done += len(rows)
        for row in rows:
            del self._stale[row]
        return rows

    def compute(self, rows: list[int], equity: npt.NDArray[np.float64]) -> None:
        """Compute accounts anew, with their equity by row (NaN: unknown)."""
        self._reserve()
        weights, codes = self._weights(rows, equity)
        returns = self._windows.matrix(codes)
        if not returns.shape[1]:
            self.numbers[rows], self.observations[rows] = np.nan, 0
            return
        series = portfolio_returns(weights, returns)
        found = risk_numbers(series, self._settings.numbers, self._benchmark())
        self.numbers[rows] = np.column_stack([getattr(found, name) for name in NUMBERS])
        self.observations[rows] = _of_known(found, weights)

    def _weights(self, rows: list[int], equity: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Shape (accounts, symbols), and the symbols' codes."""
        book, place_of = self._book, np.full(len(self._book.names), -1, np.int64)
        place_of[rows] = np.arange(len(rows))
        entries = book.entries[: book.entry_count]
        held = np.flatnonzero((place_of[entries["row"]] >= 0) & ((entries["long"] != 0.0) | (entries["short"] != 0.0)))
        symbols, columns = np.unique(entries["symbol"][held], return_inverse=True)
        weights = np.zeros((len(rows), len(symbols)))
        owners = entries["row"][held]
        base = np.where(equity[owners] > 0.0, equity[owners], np.nan)
        weights[place_of[owners], columns] = entries["exposure"][held] * book.rates_of(held) / base
        return weights, book.codes_of(symbols)

    def _benchmark(self) -> npt.NDArray[np.float64] | None:
        name = self._settings.beta_symbol
        return None if name is None else self._windows.matrix([SYMBOLS.code(name)])[0]

    def _reserve(self) -> None:
        more = len(self._book.names) - len(self.numbers)
        if more > 0:
            more = max(more, 64)
            self.numbers = np.concatenate([self.numbers, np.full((more, len(NUMBERS)), np.nan)])
            self.observations = np.concatenate([self.observations, np.zeros(more, np.int64)])

    def dump(self) -> dict[str, Any]:
        """Plain data, with a row for every account, whatever room there is."""
        self._reserve()
        count = len(self._book.names)
        return {
            "windows": self._windows.snapshot(),
            "stale": list(self._stale),
            "done": (self._second, self._done),
            "numbers": self.numbers[:count].tobytes(),
            "observations": self.observations[:count].tobytes(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from what ``dump`` returned; the book is loaded already."""
        self._windows.restore(stored["windows"])
        self._stale = dict.fromkeys(stored["stale"])
        self._second, self._done = stored["done"]
        self.numbers = np.frombuffer(bytearray(stored["numbers"])).reshape(-1, len(NUMBERS))
        self.observations = np.frombuffer(bytearray(stored["observations"]), np.int64)


def _of_known(found: RiskNumbers, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """No returns are used of an account whose weights are not known."""
    return np.asarray(np.where(np.isnan(weights).any(axis=1), 0, found.observations), np.int64)
