"""A file of fills, by its ending: a table (CSV, Parquet), else JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sources import csv, parquet
from sources.columns import REPORTS, TableOptions
from sources.fill_tables import FillReader
from sources.input_files import name_of
from sources.jsonl import LineBlock, read_lines

_TABLES = (".csv", ".tsv", ".txt", ".parquet")


def read_fills(source: Path | BinaryIO, options: TableOptions) -> Iterator[LineBlock]:
    """The reports of a file, or of JSON lines of a stream.

    Raises:
        UsageError: an option is wrong.
        InputFileError: the file cannot be read, or a column that is needed is not there.
    """
    ending = next((ending for ending in reversed(source.suffixes) if ending != ".gz"), "") if isinstance(source, Path) else ""
    if not isinstance(source, Path) or ending.lower() not in _TABLES:
        yield from FillReader(options, source=name_of(source)).read_lines(read_lines(source, REPORTS))
        return
    is_parquet = ending.lower() == ".parquet"
    blocks = parquet.read_payloads(source, REPORTS, options) if is_parquet else csv.read_payloads(source, REPORTS, options)
    for block in blocks:
        yield LineBlock(block.lines.tolist(), [REPORTS] * len(block.payloads), block.payloads, block.rejects)
