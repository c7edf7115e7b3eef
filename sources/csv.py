"""CSV, plain or gzip, as ticks or payloads: block after block, in bounded memory, as Python's ``csv`` module reads it.

Pieces whose quotes only wrap whole cells go to polars; any other piece, and after a quote that may span lines the rest of the
file, goes to the ``csv`` module itself, whose answer is the law for both.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain

import numpy as np
import polars as pl

from schemas.dead_letters import Reason
from schemas.errors import InputFileError
from sources.columns import TICKS, Columns, TableOptions, resolve
from sources.fill_tables import reader_of
from sources.input_files import CHUNK_BYTES, Source, chunks, name_of
from sources.payloads import PayloadBlock
from sources.table import BadLine, Table, TickBlock, TickReader

MAX_CELL_CHARACTERS = 131_072
"""The bound of the ``csv`` module.

A longer cell is taken for a quote that was never closed: its line is rejected and reading goes on with the next."""

_DELIMITERS = ",;\t|"
_ROWS = 65_536


def read_ticks(source: Source, options: TableOptions, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[TickBlock]:
    """The ticks of a file, for ``market.ticks``.

    Raises:
        UsageError: an option is wrong.
        InputFileError: the file cannot be read, or a column that is needed is not there.
    """
    opened = _open(source, TICKS, options, chunk_bytes)
    if opened is not None:
        columns, tables = opened
        yield from TickReader(columns, options, source=name_of(source)).read_all(tables)


def read_payloads(source: Source, topic: str, options: TableOptions, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[PayloadBlock]:
    """Each row as the JSON of a payload of any other topic. Raises as ``read_ticks`` does."""
    opened = _open(source, topic, options, chunk_bytes)
    if opened is not None:
        columns, tables = opened
        yield from reader_of(columns, options, source=name_of(source)).read_all(tables)


def _open(source: Source, topic: str, options: TableOptions, chunk_bytes: int) -> tuple[Columns, Iterator[Table]] | None:
    pieces = chunks(source, chunk_bytes)
    first = next(pieces, None)
    if first is None:
        if options.header:
            raise InputFileError(f"{name_of(source)}: expected a line of column names, found an empty file")
        return None
    line, cells, rest, delimiter = _first_row(first, options.delimiter)
    columns = resolve(topic, cells, options, source=name_of(source))
    whole, at = (rest, line) if options.header else (first, 1)
    return columns, _tables(chain([whole] if whole else [], pieces), at, _Form(columns, delimiter, len(cells)))


@dataclass(frozen=True, slots=True)
class _Form:
    """How the rows of a file are written."""

    columns: Columns
    delimiter: str
    width: int
    """Cells of the first row. A row may have fewer; one that has more has a delimiter too many, and nobody knows where."""


def _first_row(chunk: bytes, delimiter: str | None) -> tuple[int, list[str], bytes, str]:
    """Number of the line after the first row that is not blank, its cells, what follows it, and the delimiter."""
    lines = chunk.splitlines(keepends=True)
    if delimiter is None:
        sample = next((line.decode("utf-8", "replace") for line in lines if line.strip()), "")
        outside = "".join(sample.split('"')[::2])
        delimiter = max(_DELIMITERS, key=outside.count)
    reader = csv.reader((line.decode("utf-8", "replace") for line in lines), delimiter=delimiter)
    cells = next((row for row in reader if row), [])
    return reader.line_num + 1, cells, b"".join(lines[reader.line_num :]), delimiter


def _tables(pieces: Iterator[bytes], line: int, form: _Form) -> Iterator[Table]:
    for piece in pieces:
        plain = _plain(piece, form)
        if plain is not None:
            table = _quick(*plain, line, form.columns, form.delimiter)
            line += len(table.lines)
            yield table
        else:
            # A quote may span pieces, so all that follows is one stream; without quotes a piece stands for itself.
            pieces_left = chain([piece], pieces) if b'"' in piece else [piece]
            yield from _Careful(pieces_left, line, form).tables()
            line += len(piece.splitlines())


def _plain(piece: bytes, form: _Form) -> tuple[bytes, bool] | None:
    """The piece with plain line ends and whether it has quotes, if every line is a row and every quote wraps a whole cell."""
    if b"\r" in piece:
        piece = piece.replace(b"\r\n", b"\n")
    if b"\r" in piece or b"\n\n" in piece or piece[:1] == b"\n":
        return None
    if not piece.isascii():
        try:
            piece.decode("utf-8")
        except UnicodeDecodeError:
            return None
    quoted, data = b'"' in piece, np.frombuffer(piece, np.uint8)
    return (piece, quoted) if (not quoted or _wraps(data, form.delimiter)) and not _has_longer_rows(data, form, quoted=quoted) else None


def _has_longer_rows(data: np.ndarray[tuple[int], np.dtype[np.uint8]], form: _Form, *, quoted: bool) -> bool:
    parts = data == ord(form.delimiter)
    if quoted:
        parts &= np.cumsum(data == ord('"'), dtype=np.int64) % 2 == 0
    breaks = data == ord("\n")
    edges = np.flatnonzero(parts | breaks)
    if data[edges[form.width - 1 :: form.width]].tobytes().count(b"\n") == np.count_nonzero(breaks) == len(edges) // form.width:
        return False  # most files: every row is whole
    ends = np.searchsorted(np.flatnonzero(parts), np.flatnonzero(breaks))
    counts = np.diff(ends, prepend=0, append=np.count_nonzero(parts))
    return bool((counts >= form.width).any())


def _wraps(data: np.ndarray[tuple[int], np.dtype[np.uint8]], delimiter: str) -> bool:
    quotes = np.flatnonzero(data == ord('"'))
    if len(quotes) % 2:
        return False
    edges = (ord(delimiter), ord("\n"))
    before = data[np.maximum(quotes[::2] - 1, 0)]
    after = data[np.minimum(quotes[1::2] + 1, len(data) - 1)]
    opens = np.isin(before, edges) | (quotes[::2] == 0)
    closes = np.isin(after, edges) | (quotes[1::2] == len(data) - 1)
    ends = np.searchsorted(quotes, np.flatnonzero(data == ord("\n")))
    return bool(opens.all() and closes.all() and not (ends % 2).any())


def _quick(piece: bytes, quoted: bool, line: int, columns: Columns, delimiter: str) -> Table:
    width = max(columns.places.values()) + 1
    frame = pl.scan_csv(
        BytesIO(piece),
        has_header=False,
        separator=delimiter,
        quote_char='"' if quoted else None,
        schema={f"{at}": pl.String for at in range(width)},
        extra_columns="ignore",
        missing_columns="insert",
    )
    cells = frame.select(pl.col(f"{at}").alias(name) for name, at in columns.places.items())
    if quoted:  # "" is absent too
        cells = cells.with_columns(pl.when(pl.all() != "").then(pl.all()))
    table = cells.collect()
    rows: list[bytes] = []

    def text(at: int) -> bytes:
        if not rows:
            rows.extend(piece.split(b"\n"))
        return rows[at]

    return Table(table, np.arange(line, line + len(table), dtype=np.int64), text)


class _Careful:
    """Rows by the ``csv`` module, with the line and the text of each."""

    def __init__(self, pieces: Iterable[bytes], line: int, form: _Form) -> None:
        self._lines = (text for piece in pieces for text in piece.splitlines(keepends=True))
        self._form = form
        self._next_line = line
        self._again: list[bytes] = []
        self._taken: list[bytes] = []
        self._ended = False

    def tables(self) -> Iterator[Table]:
        reader = csv.reader(self._feed(), delimiter=self._form.delimiter)
        rows: list[list[str]] = []
        lines: list[int] = []
        texts: list[bytes] = []
        rejects: list[BadLine] = []
        while True:
            first = self._next_line
            self._taken = []
            try:
                row = next(reader, None)
            except csv.Error:  # a cell beyond MAX_CELL_CHARACTERS
                row = None
            if not self._taken:
                break
            if row is None or self._ended:  # within a row the module asks for one more line only where a quote is open
                rejects.append(self._reject_first(first))
                reader = csv.reader(self._feed(), delimiter=self._form.delimiter)
            elif any(row[self._form.width :]):
                detail = f"expected at most {self._form.width} cells, found {len(row)}"
                rejects.append(BadLine(first, Reason.MALFORMED, detail, b"".join(self._taken).rstrip(b"\r\n")))
            elif row:
                rows.append(row)
                lines.append(first)
                texts.append(b"".join(self._taken).rstrip(b"\r\n"))
            if len(rows) + len(rejects) >= _ROWS:
                yield self._table(rows, lines, texts, rejects)
                rows, lines, texts, rejects = [], [], [], []
        if rows or rejects:
            yield self._table(rows, lines, texts, rejects)

    def _feed(self) -> Iterator[str]:
        self._ended = False
        while True:
            line = self._again.pop() if self._again else next(self._lines, None)
            if line is None:
                self._ended = True
                return
            self._taken.append(line)
            self._next_line += 1
            yield line.decode("utf-8", "replace")

    def _reject_first(self, line: int) -> BadLine:
        """Give up the first line of a row that has no end, and read the others anew."""
        self._again.extend(reversed(self._taken[1:]))
        self._next_line = line + 1
        detail = f"expected a closing quote within {MAX_CELL_CHARACTERS} characters, found none"
        return BadLine(line, Reason.MALFORMED, detail, self._taken[0].rstrip(b"\r\n"))

    def _table(self, rows: list[list[str]], lines: list[int], texts: list[bytes], rejects: list[BadLine]) -> Table:
        places = self._form.columns.places
        damaged = {at for at, text in enumerate(texts) if not _is_utf8(text)}
        for at in sorted(damaged, reverse=True):
            cells = [rows[at][place] for place in places.values() if place < len(rows[at])]
            if any("\ufffd" in cell for cell in cells):
                rejects.append(BadLine(lines[at], Reason.MALFORMED, "expected UTF-8, found other bytes", texts[at]))
                del rows[at], lines[at], texts[at]
        frame = pl.DataFrame(
            {name: [row[at] or None if at < len(row) else None for row in rows] for name, at in places.items()},
            schema=dict.fromkeys(places, pl.String),
        )
        return Table(frame, np.array(lines, np.int64), texts.__getitem__, rejects)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
