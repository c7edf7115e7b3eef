"""Limits on numbers as columns: which of thousands a change may have passed is found by arrays, and only those are judged one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.risk.episodes import Episodes, clear_of
from operators.risk.exposures import ExposureBook
from operators.risk.keys import Key
from operators.risk.values import COLUMN, Values
from schemas.control import Limit
from schemas.control_checks import FALLS_BELOW


class Watched(NamedTuple):
    """A limit and the one whom it holds."""

    limit: Limit
    key: Key
    row: int
    """Of the account."""
    place: int
    """The entry, of a limit on one symbol; else -1."""


class LimitTable:
    """Limits on accounts and entries, laid out anew when ``set`` is called."""

    def __init__(self, book: ExposureBook, episodes: Episodes) -> None:
        self._book, self._episodes = book, episodes
        self._watched: list[Watched] = []
        self._rows: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._places: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._columns: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._thresholds, self._clears = np.zeros(0), np.zeros(0)
        self._signs = np.zeros(0)
        self._states: npt.NDArray[np.int8] = np.zeros(0, np.int8)

    def set(self, watched: Iterable[Watched]) -> None:
        """These are in force."""
        self._watched = list(watched)
        limits = [one.limit for one in self._watched]
        self._rows = np.array([one.row for one in self._watched], np.int64)
        self._places = np.array([one.place for one in self._watched], np.int64)
        self._columns = np.array([COLUMN[limit.rule] for limit in limits], np.int64)
        self._thresholds = np.array([float(limit.threshold) for limit in limits])
        self._clears = np.array([float(clear_of(limit)) for limit in limits])
        self._signs = np.array([-1.0 if limit.rule in FALLS_BELOW else 1.0 for limit in limits])
        self._states = np.array([self._episodes.state(one.limit.limit_id, one.key) for one in self._watched], np.int8)

    def passed(self, values: Values) -> Iterator[tuple[Watched, float]]:
        """Those that may have passed an edge, each with its value; ``judged`` is to be called after each."""
        if not self._watched:
            return
        found = self._values(values)
        beyond = (found - self._thresholds) * self._signs > 0.0
        ended = (self._clears - found) * self._signs > 0.0
        doubtful = np.where(self._states == 0, beyond, np.where(self._states == 1, ended, ~np.isnan(found)))
        for at in np.flatnonzero(doubtful).tolist():
            one = self._watched[at]
            yield one, float(found[at])
            self._states[at] = self._episodes.state(one.limit.limit_id, one.key)

    def value(self, one: Watched, values: Values) -> float:
        """Of one that may not be in the table."""
        column = COLUMN[one.limit.rule]
        if one.limit.scope in ("account", "firm"):
            return float(values[one.row, column])
        if one.place < 0:
            return 0.0
        return float(self._of_entries(np.array([one.place]), np.array([one.row]), np.array([column]), values)[0])

    def _values(self, values: Values) -> npt.NDArray[np.float64]:
        found = values[self._rows, self._columns]
        of_entries = np.flatnonzero(self._places >= 0)
        if len(of_entries):
            found[of_entries] = self._of_entries(self._places[of_entries], self._rows[of_entries], self._columns[of_entries], values)
        return found

    def _of_entries(
        self, places: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], values: Values
    ) -> npt.NDArray[np.float64]:
        entries, rates = self._book.entries[places], self._book.rates_of(places)
        size, net = entries["size"] * rates, np.abs(entries["exposure"]) * rates
        gross = values[rows, COLUMN["gross_exposure"]]
        weight = np.where(size == 0.0, 0.0, size / np.where(gross == 0.0, 1.0, gross))
        return np.select([columns == COLUMN["gross_exposure"], columns == COLUMN["net_exposure"]], [size, net], weight)
