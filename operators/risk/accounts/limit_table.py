"""Limits on numbers as columns: which of thousands a change may have passed is found by arrays, and only those are judged one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.risk.accounts.exposures import ExposureBook
from operators.risk.accounts.values import COLUMN, GROSS, NET, Values, share
from operators.risk.episodes import Episodes, clear_of
from operators.risk.keys import Key
from schemas.control import Limit
from schemas.control_checks import FALLS_BELOW
from schemas.kernels import kernel, leaf, plain


class Watched(NamedTuple):
    """A limit and the one whom it holds."""

    limit: Limit
    key: Key
    row: int
    """Of the account."""
    place: int
    """The entry, of a limit on one symbol; else -1."""


HELD = np.dtype(
    [
        ("threshold", np.float64),
        ("clear", np.float64),
        ("sign", np.float64),  # -1: breached below the threshold
        ("row", np.int64),
        ("place", np.int64),  # -1: the account as a whole
        ("column", np.int32),
        ("state", np.int32),  # as Episodes.state
    ],
    align=True,
)


@leaf
def value_of(one: np.void, entries: npt.NDArray[np.void], currencies: npt.NDArray[np.void], rates: Values, values: Values) -> float:
    """What is held against a limit; of one symbol in the account's currency."""
    if one["place"] < 0:
        return float(values[one["row"], one["column"]])
    entry = entries[one["place"]]
    rate = rates[entry["currency"], currencies[one["row"]]["currency"]]
    if one["column"] == NET:
        return float(abs(entry["exposure"] * rate))
    size = entry["size"] * rate
    return float(size if one["column"] == GROSS else share(size, values[one["row"], GROSS]))


@kernel
def find_passed(
    held: npt.NDArray[np.void],
    entries: npt.NDArray[np.void],
    accounts: npt.NDArray[np.void],
    rates: Values,
    values: Values,
    found: npt.NDArray[np.int64],
    numbers: Values,
) -> int:
    """Limits that may have passed an edge: their places and values; how many."""
    count = 0
    for at in range(held.size):
        one = held[at]
        number = value_of(one, entries, accounts, rates, values)
        bound = one["threshold"] if one["state"] == 0 else one["clear"]
        way = one["sign"] if one["state"] == 0 else -one["sign"]
        if (number - bound) * way > 0.0 or (one["state"] > 1 and number == number):
            found[count] = at
            numbers[count] = number
            count += 1
    return count


class LimitTable:
    """Limits on accounts and entries, laid out anew when ``set`` is called."""

    def __init__(self, book: ExposureBook, episodes: Episodes) -> None:
        self._book, self._episodes = book, episodes
        self._watched: list[Watched] = []
        self._held = np.zeros(0, HELD)
        self._found: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._numbers = np.zeros(0)

    def set(self, watched: Iterable[Watched]) -> None:
        """These are in force."""
        self._watched = list(watched)
        self._held = np.array([self._laid_out(one) for one in self._watched], HELD)
        self._found, self._numbers = np.zeros(len(self._held), np.int64), np.zeros(len(self._held))

    def passed(self, values: Values) -> Iterator[tuple[Watched, float]]:
        """Those that may have passed an edge, each with its value; the next is asked for when one was judged."""
        if not self._watched:
            return
        book = self._book
        count = find_passed(self._held, book.entries, book.accounts, book.matrix, values, self._found, self._numbers)
        for at, number in zip(self._found[:count].tolist(), self._numbers[:count].tolist(), strict=True) if count else ():
            one = self._watched[at]
            yield one, number
            self._held[at]["state"] = self._episodes.state(one.limit.limit_id, one.key)

    def value(self, one: Watched, values: Values) -> float:
        """Of one that may not be in the table."""
        book = self._book
        return plain(value_of)(np.array([self._laid_out(one)], HELD)[0], book.entries, book.accounts, book.matrix, values)

    def _laid_out(self, one: Watched) -> tuple[float, float, float, int, int, int, int]:
        limit = one.limit
        bounds = float(limit.threshold), float(clear_of(limit)), -1.0 if limit.rule in FALLS_BELOW else 1.0
        return *bounds, one.row, one.place, COLUMN[limit.rule], self._episodes.state(limit.limit_id, one.key)
