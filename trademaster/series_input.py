"""A column of numbers out of a CSV or Parquet file, whole, for commands that analyse a series."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.errors import InputFileError

PRICE_COLUMNS = ("close", "adjclose", "price", "equity", "nav", "value")
RETURN_COLUMNS = ("return", "returns", "ret", "dailyreturn")

_DELIMITERS = ",;\t|"
_SHOWN_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Series:
    """Finite numbers in the order of the file."""

    column: str
    values: npt.NDArray[np.float64]


def read_series(path: Path, column: str | None, wanted: Sequence[str]) -> Series:
    """Read one column.

    Args:
        column: its name, of any case; None: the first of ``wanted`` that the file has, or its only column.
        wanted: names without spaces, ``_`` and ``-``, in small letters.

    Raises:
        InputFileError: the file cannot be read, has no such column or several, or a cell is not a finite number.
    """
    frame = _read(path)
    name = _column(path, frame.columns, column, wanted)
    return Series(name, _numbers(path, frame[name]))


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InputFileError(f"{path}: expected a file, found none", hint="give --input the path of a .csv or .parquet file")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pl.read_parquet(path)
        return pl.read_csv(path, separator=_delimiter(path), infer_schema=False, quote_char='"', try_parse_dates=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, ValueError) as error:
        first = (str(error).splitlines() or ["nothing"])[0]
        raise InputFileError(
            f"{path.name}: cannot be read as a table: {first}", hint="expected CSV with a line of names, or Parquet"
        ) from error


def _delimiter(path: Path) -> str:
    """The most frequent in the line of names."""
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if is_packed else path.open("rb") as opened:
        line = opened.readline(1 << 16).decode("utf-8", "replace")
    return max(_DELIMITERS, key=line.count)


def _column(path: Path, names: Sequence[str], column: str | None, wanted: Sequence[str]) -> str:
    found = ", ".join(map(repr, names[:_SHOWN_COLUMNS])) + (
        f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    )
    if column is not None:
        if column in names:
            return column
        same = [name for name in names if name.strip().casefold() == column.strip().casefold()]
        if len(same) == 1:
            return same[0]
        raise InputFileError(f"{path.name}: expected a column {column!r}, found {found}", hint="give --column one of them")
    plain = {plain_name(name): name for name in reversed(names)}
    for name in wanted:
        if name in plain:
            return plain[name]
    if len(names) == 1:
        return names[0]
    raise InputFileError(f"{path.name}: expected a column {' or '.join(wanted)}, found {found}", hint="name it: --column NAME")


def plain_name(name: str) -> str:
    """A column's name without spaces, ``_`` and ``-``, in small letters."""
    return re.sub(r"[\s_-]", "", name).casefold()


def _numbers(path: Path, cells: pl.Series) -> npt.NDArray[np.float64]:
    if cells.dtype == pl.String:
        numbers = cells.str.strip_chars().cast(pl.Float64, strict=False)
    elif cells.dtype.is_numeric():
        numbers = cells.cast(pl.Float64)
    else:
        raise InputFileError(
            f"{path.name}: expected numbers in column {cells.name!r}, found {cells.dtype}", hint="name another: --column NAME"
        )
    bad = (numbers.is_null() | ~numbers.is_finite()).fill_null(value=True)
    if bad.any():
        row = int(bad.arg_true()[0])
        shown = "nothing" if cells[row] is None else repr(cells[row])
        more = f", and {int(bad.sum()) - 1} more like it" if int(bad.sum()) > 1 else ""
        raise InputFileError(
            f"{path.name}: expected a finite number in column {cells.name!r}, found {shown} in row {row + 1}{more}",
            hint="fill or leave out such rows: a gap is no return",
        )
    return np.asarray(numbers.to_numpy(), np.float64)
