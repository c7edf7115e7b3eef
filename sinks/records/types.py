"""What SQLite lacks: exact decimals, and functions that add them up."""

from __future__ import annotations

import decimal
import sqlite3
from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

_EXACT = decimal.Context(prec=2_000)


class Exact(TypeDecorator[Decimal]):
    """A decimal, exact: NUMERIC, which keeps every digit; in SQLite text, whose NUMERIC is a double.

    Text and not a scaled integer, for a quantity of 1e-18 and a notional of 1e12 have no scale in common that 64 bits can hold.
    ``decimal_sum`` and its kin compute with it, as they do in SQLite's own shell.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return value if value is None or isinstance(value, Decimal) else Decimal(value)


class _Sum:
    """``decimal_sum``: null where there is nothing to add, as SQL's own."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, value: str | float | None) -> None:
        if value is not None:
            self._sum = _EXACT.add(self._sum or Decimal(0), Decimal(str(value)))

    def finalize(self) -> str | None:
        return None if self._sum is None else format(self._sum, "f")


def _compared(left: str, right: str) -> int:
    one, other = Decimal(left), Decimal(right)
    return (one > other) - (one < other)


def add_decimal_functions(connection: sqlite3.Connection) -> None:
    """Give a connection ``decimal_sum``, ``decimal_add``, ``decimal_sub``, ``decimal_mul``, ``decimal_cmp`` and the collation ``decimal``.

    They have the names and meanings of those that SQLite's shell brings, so that the same SQL runs in both.
    """

    def of_two(compute: Any) -> Any:
        def function(left: Any, right: Any) -> str | None:
            return None if left is None or right is None else format(compute(Decimal(str(left)), Decimal(str(right))), "f")

        return function

    for name, compute in {"decimal_add": _EXACT.add, "decimal_sub": _EXACT.subtract, "decimal_mul": _EXACT.multiply}.items():
        connection.create_function(name, 2, of_two(compute), deterministic=True)
    connection.create_function(
        "decimal_cmp",
        2,
        lambda left, right: None if left is None or right is None else _compared(str(left), str(right)),
        deterministic=True,
    )
    connection.create_aggregate("decimal_sum", 1, _Sum)  # type: ignore[arg-type]
    connection.create_collation("decimal", _compared)
