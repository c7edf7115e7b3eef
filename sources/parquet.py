"""Parquet as ticks or payloads, block after block. The line of a row is its number, from 1."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from schemas.errors import InputFileError
from sources.columns import TICKS, Columns, TableOptions, resolve
from sources.fill_tables import reader_of
from sources.payloads import PayloadBlock
from sources.table import Table, TickBlock, TickReader

BLOCK_ROWS = 131_072


def read_ticks(source: str | Path, options: TableOptions, *, block_rows: int = BLOCK_ROWS) -> Iterator[TickBlock]:
    """The ticks of a file, for ``market.ticks``.

    Raises:
        UsageError: an option is wrong.
        InputFileError: the file cannot be read, or a column that is needed is not there.
    """
    columns, tables = _open(source, TICKS, options, block_rows)
    yield from TickReader(columns, options, source=Path(source).name).read_all(tables)


def read_payloads(source: str | Path, topic: str, options: TableOptions, *, block_rows: int = BLOCK_ROWS) -> Iterator[PayloadBlock]:
    """Each row as the JSON of a payload of any other topic. Raises as ``read_ticks`` does."""
    columns, tables = _open(source, topic, options, block_rows)
    yield from reader_of(columns, options, source=Path(source).name).read_all(tables)


def _open(source: str | Path, topic: str, options: TableOptions, block_rows: int) -> tuple[Columns, Iterator[Table]]:
    try:
        frame = pl.scan_parquet(source, glob=False)
        names = frame.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(source, error) from error
    return (columns := resolve(topic, names, options, source=Path(source).name)), _tables(source, frame, names, columns, block_rows)


def _unreadable(source: str | Path, error: Exception) -> InputFileError:
    return InputFileError(f"{Path(source).name}: cannot be read as Parquet: {error}", hint="check that the file is there and whole")


def _tables(source: str | Path, frame: pl.LazyFrame, names: list[str], columns: Columns, block_rows: int) -> Iterator[Table]:
    wanted = frame.select(pl.col(names[at]).alias(name) for name, at in columns.places.items())
    line = 1
    try:
        for batch in wanted.collect_batches(chunk_size=block_rows, maintain_order=True, lazy=True):
            for start in range(0, len(batch), block_rows):
                part = batch.slice(start, block_rows).rechunk()
                yield Table(part, np.arange(line, line + len(part), dtype=np.int64), partial(_text, part, columns))
                line += len(part)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(source, error) from error


def _text(frame: pl.DataFrame, columns: Columns, at: int) -> bytes:
    row = frame.row(at, named=True)
    return msgspec.json.encode({columns.names[name]: value for name, value in row.items()}, enc_hook=str)
