"""How rows meet those that are there: whatever comes again, and in whatever order it comes, the same rows remain.

An event that has an id is stored once: of two with one id the one of the newer log holds, in one log that which stands first, by
partition and offset. What stands for now (an order, a day's position) is its highest version; between equal ones the later place decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from sqlalchemy import Table

from sinks.records.rows import Row
from sinks.records.tables import LIMIT_CHANGES, ORDERS, POSITIONS_DAILY

_STATES = (ORDERS, POSITIONS_DAILY)
_AGE = ("bus_log", "version", "bus_partition", "bus_offset")

Key = tuple[Any, ...]


class Upsert:
    """One table's statement, and how rows are folded before it: a statement may meet a row but once.

    Attributes:
        columns: names of all columns, as a row has them.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.columns = [column.name for column in table.columns]
        at = self.columns.index
        self.key: Callable[[Row], Key] = _getter([at(column.name) for column in table.primary_key])
        self._age: Callable[[Row], Any] = _getter([at(name) for name in _AGE]) if table in _STATES else self._seniority()
        self._created = at("created_ns") if table is ORDERS else None
        self.statement = f"ON CONFLICT ({', '.join(column.name for column in table.primary_key)}) {self._action()}"

    def fold(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that remain, one a key, in the order of keys: transactions that meet take their locks alike."""
        kept: dict[Key, Row] = {}
        for row in rows:
            key = self.key(row)
            before = kept.get(key)
            kept[key] = row if before is None else self._one_of(before, row)
        return [kept[key] for key in sorted(kept)]

    def _one_of(self, before: Row, row: Row) -> Row:
        chosen = row if self._age(row) > self._age(before) else before
        if self._created is None:
            return chosen
        created: Any = min(before[self._created], row[self._created])  # type: ignore[type-var]
        return (*chosen[: self._created], created, *chosen[self._created + 1 :])

    def _seniority(self) -> Callable[[Row], Any]:
        log, partition, offset = (self.columns.index(name) for name in ("bus_log", "bus_partition", "bus_offset"))
        return lambda row: (row[log], -row[partition], -row[offset])  # type: ignore[operator]

    def _action(self) -> str:
        name = self.table.name
        if self.table is LIMIT_CHANGES:
            return "DO NOTHING"
        key = {column.name for column in self.table.primary_key}
        others = [column.name for column in self.table.columns if column.name not in key]
        if self.table is ORDERS:
            return _order_action(name, [other for other in others if other != "created_ns"])
        sets = ", ".join(f"{other} = excluded.{other}" for other in others)
        return f"DO UPDATE SET {sets} WHERE {_is_newer(name) if self.table in _STATES else _is_senior(name)}"


def _order_action(name: str, columns: list[str]) -> str:
    """The newer update, and the older beginning, each whichever comes first."""
    newer = _is_newer(name)
    sets = [f"{column} = CASE WHEN {newer} THEN excluded.{column} ELSE {name}.{column} END" for column in columns]
    earlier = f"excluded.bus_log >= {name}.bus_log AND excluded.created_ns < {name}.created_ns"
    takes = f"({earlier}) OR excluded.bus_log > {name}.bus_log"
    sets.append(f"created_ns = CASE WHEN {takes} THEN excluded.created_ns ELSE {name}.created_ns END")
    return f"DO UPDATE SET {', '.join(sets)} WHERE {newer} OR ({earlier})"


def _is_newer(name: str) -> str:
    ages = [", ".join(f"{table}.{column}" for column in _AGE) for table in ("excluded", name)]
    return f"({ages[0]}) > ({ages[1]})"


def _is_senior(name: str) -> str:
    places = [f"{table}.bus_partition, {table}.bus_offset" for table in ("excluded", name)]
    same_log = f"excluded.bus_log = {name}.bus_log AND ({places[0]}) < ({places[1]})"
    return f"excluded.bus_log > {name}.bus_log OR ({same_log})"


def _getter(places: list[int]) -> Callable[[Row], Any]:
    if len(places) == 1:
        (one,) = places
        return lambda row: (row[one],)
    return itemgetter(*places)
