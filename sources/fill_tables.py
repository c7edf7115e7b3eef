"""Lists of fills, CSV, Parquet or JSON lines, as records of ``orders.events``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import numpy as np
import polars as pl

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.json_errors import JSON_ERRORS, explained
from schemas.times import format_time
from sources.bare_payloads import is_envelope
from sources.columns import ALIASES, REPORTS, Columns, TableOptions, plain_name
from sources.event_times import TimeReader, describe
from sources.fills import Cells, Defaults, report_of
from sources.jsonl import LineBlock
from sources.payloads import PayloadBlock, PayloadReader
from sources.reports import report_event
from sources.table import BadLine, Table

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode

_RANKS = {alias: (rank, name) for name, aliases in ALIASES[REPORTS].items() for rank, alias in enumerate(aliases)}


def reader_of(columns: Columns, options: TableOptions, *, source: str) -> PayloadReader | FillReader:
    """Who reads the rows of a topic other than ``market.ticks``.

    Raises:
        UsageError: an option of the times is wrong.
    """
    if columns.topic == REPORTS:
        return FillReader(options, source=source, time_column=columns.names.get("timestamp", "timestamp"))
    return PayloadReader(columns, options, source=source)


class FillReader:
    """Turns rows into execution reports, each in its envelope. Of the parts of a row the first that is bad is named."""

    def __init__(self, options: TableOptions, *, source: str, time_column: str = "timestamp") -> None:
        """Raises UsageError: the time format or the time zone is none."""
        self._defaults = Defaults(options.account, options.symbol, options.venue, options.price_scale)
        self._names = {column: name for name, column in options.columns.items()}
        self._times = TimeReader(options.time_format, options.time_zone, column=time_column, source=source)

    def read(self, table: Table) -> PayloadBlock:
        """Raises InputFileError: the format of the times was not given and cannot be recognised."""
        frame = table.frame
        rows: list[dict[str, str | None]] = frame.select(pl.all().cast(pl.String)).to_dicts()
        if "timestamp" in frame.columns:
            self._fill_times(rows, frame["timestamp"])
        return self._block(rows, table.lines.tolist(), table.text, table.rejects)

    def read_all(self, tables: Iterator[Table]) -> Iterator[PayloadBlock]:
        return map(self.read, tables)

    def read_lines(self, blocks: Iterable[LineBlock]) -> Iterator[LineBlock]:
        """Lines of JSON: bare fills by whatever names; envelopes, and other topics' lines, pass as they are."""
        for block in blocks:
            taken = [at for at, topic in enumerate(block.topics) if topic == REPORTS and not is_envelope(block.values[at])]
            values = [block.values[at] for at in taken]
            rows, bad = self._rows([(block.lines[at], block.values[at]) for at in taken])
            self._fill_times(rows, pl.Series([row.get("timestamp") for row in rows], dtype=pl.String))
            fills = self._block(rows, [block.lines[at] for at in taken], values.__getitem__, [])
            broken = {reject.line for reject in bad}
            good = dict(zip(fills.lines.tolist(), fills.payloads, strict=True))
            judged = set(taken)
            kept = [at for at, line in enumerate(block.lines) if line in good or at not in judged]
            yield LineBlock(
                [block.lines[at] for at in kept],
                [block.topics[at] for at in kept],
                [good.get(block.lines[at], block.values[at]) for at in kept],
                [*block.rejects, *bad, *(reject for reject in fills.rejects if reject.line not in broken)],
            )

    def _rows(self, lines: Sequence[tuple[int, bytes]]) -> tuple[list[dict[str, str | None]], list[BadLine]]:
        rows: list[dict[str, str | None]] = []
        bad: list[BadLine] = []
        for line, value in lines:
            try:
                rows.append(self._cells(_object(value)))
            except JSON_ERRORS as error:
                rows.append({})  # its reject for what it lacks is dropped
                bad.append(BadLine(line, Reason.MALFORMED, explained(error, value), value))
        return rows, bad

    def _cells(self, values: dict[str, msgspec.Raw]) -> dict[str, str | None]:
        """Each field by the best of the names that the object has for it."""
        ranks: dict[str, int] = {}
        cells: dict[str, str | None] = {}
        for key, raw in values.items():
            rank, name = (-1, self._names[key]) if key in self._names else _RANKS.get(plain_name(key), (0, ""))
            if name and rank < ranks.get(name, 1_000):
                ranks[name], cells[name] = rank, _shown(bytes(raw))
        return cells

    def _fill_times(self, rows: list[dict[str, str | None]], cells: pl.Series) -> None:
        """Times as RFC 3339; one that is none stays, for its row to be refused."""
        times, good = self._times.read(cells)
        for at in np.flatnonzero(good).tolist():
            rows[at]["timestamp"] = format_time(int(times[at]))

    def _block(self, rows: Sequence[Cells], lines: list[int], text: Callable[[int], bytes], rejects: list[BadLine]) -> PayloadBlock:
        kept: list[int] = []
        payloads: list[bytes] = []
        bad: list[BadLine] = []
        for at, (line, cells) in enumerate(zip(lines, rows, strict=True)):
            try:
                payloads.append(report_event(report_of(cells, self._defaults), line))
                kept.append(line)
            except RejectedRecord as error:
                found = describe(cells.get("timestamp")) if error.reason == Reason.TIME else ""
                detail = f"timestamp: expected a time from 1970 to 2199, found {found}" if found else str(error)
                bad.append(BadLine(line, Reason(error.reason), detail, text(at)))
        return PayloadBlock(np.array(kept, np.int64), payloads, sorted([*rejects, *bad], key=lambda reject: reject.line))


def _shown(raw: bytes) -> str | None:
    """A JSON value as the text of a cell."""
    if raw[:1] == b'"':
        return _text(raw)
    return None if raw == b"null" else raw.decode()
