"""Which event times a query can want: what its WHERE says of ``time`` and ``date``, so that other files are not even listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.times import DAY_NS, END_OF_TIME_NS

if TYPE_CHECKING:
    import duckdb

_MIRRORED = {"LESSTHAN": "GREATERTHAN", "GREATERTHAN": "LESSTHAN"}


class Bounds(NamedTuple):
    """Event times in [start, end)."""

    start_ns: int = 0
    end_ns: int = END_OF_TIME_NS

    def within(self, other: Bounds) -> Bounds:
        """What lies in both."""
        return Bounds(max(self.start_ns, other.start_ns), min(self.end_ns, other.end_ns))


ALL = Bounds()


def bounds_of(database: duckdb.DuckDBPyConnection, sql: str) -> Bounds:
    """The bounds of a query of one table; of any other query, or where it compares with what is no constant, all times."""
    try:
        [(tree,)] = database.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        node = json.loads(tree)["statements"][0]["node"] if sql.isascii() else {}
        if node.get("type") != "SELECT_NODE" or node["from_table"]["type"] != "BASE_TABLE" or tree.count('"BASE_TABLE"') > 1:
            return ALL
        bounds = ALL
        for condition in _conditions(node["where_clause"]):
            bounds = bounds.within(_bounds(database, sql, condition))
    except (KeyError, TypeError, ValueError, LookupError):  # a form of the tree that is not known
        return ALL
    return bounds


def _conditions(node: Any) -> Iterator[Any]:
    """What must hold together."""
    if node and node["type"] == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _conditions(child)
    elif node:
        yield node


def _bounds(database: duckdb.DuckDBPyConnection, sql: str, node: Any) -> Bounds:
    if node["class"] == "BETWEEN" and node["type"] == "COMPARE_BETWEEN":
        lower = _comparison(database, sql, node["input"], "GREATERTHANOREQUALTO", node["lower"])
        return lower.within(_comparison(database, sql, node["input"], "LESSTHANOREQUALTO", node["upper"]))
    if node["class"] != "COMPARISON":
        return ALL
    relation = node["type"].removeprefix("COMPARE_")
    if node["left"]["class"] == "COLUMN_REF":
        return _comparison(database, sql, node["left"], relation, node["right"])
    for one, other in _MIRRORED.items():
        if relation.startswith(one):
            return _comparison(database, sql, node["right"], relation.replace(one, other), node["left"])
    return _comparison(database, sql, node["right"], relation, node["left"])


def _comparison(database: duckdb.DuckDBPyConnection, sql: str, column: Any, relation: str, value: Any) -> Bounds:
    """Of ``column relation value``."""
    name = column["column_names"][-1].lower() if column["class"] == "COLUMN_REF" else ""
    constant = value["child"] if value["class"] == "CAST" else value
    if name not in ("time", "date") or constant["class"] != "CONSTANT":
        return ALL
    begin = value["query_location"]
    text = sql[begin : begin + value["query_location_length"]]
    kind, unit_ns = ("TIMESTAMP_NS", 1) if name == "time" else ("DATE", DAY_NS)
    at_ns = _moment(database, f"CAST(CAST(({text}) AS {kind}) AS TIMESTAMP_NS)")
    if at_ns is None:
        return ALL
    if relation == "EQUAL":
        return Bounds(at_ns, at_ns + unit_ns)
    if relation == "GREATERTHANOREQUALTO":
        return Bounds(at_ns)
    if relation == "GREATERTHAN":
        return Bounds(at_ns + unit_ns)
    if relation == "LESSTHAN":
        return Bounds(end_ns=at_ns)
    return Bounds(end_ns=at_ns + unit_ns) if relation == "LESSTHANOREQUALTO" else ALL


def _moment(database: duckdb.DuckDBPyConnection, text: str) -> int | None:
    import duckdb

    try:
        [(found,)] = database.execute(f"SELECT epoch_ns({text})").fetchall()
    except duckdb.Error:
        return None  # the query will say what is wrong with it
    return int(found) if found is not None else None
