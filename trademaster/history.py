"""SQL over the archive: a view a topic, named with ``_``, that DuckDB reads as far as a query needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas.archive.columns import schema_of
from schemas.archive.folder import file_system
from schemas.archive.layout import ArchiveFile
from schemas.errors import InputFileError, UsageError
from schemas.times import format_time
from schemas.topics import TOPICS
from sources.archive import Archive, open_archive
from trademaster.history_bounds import Bounds, bounds_of

if TYPE_CHECKING:
    import duckdb

ROWS_AT_ONCE = 2048


class Nanoseconds(int):
    """A time: nanoseconds since 1970."""

    def __str__(self) -> str:
        return format_time(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gives."""

    columns: list[str]
    rows: Iterator[Sequence[Any]]


def view_name(topic: str) -> str:
    """The view of a topic: ``market_ticks``."""
    return topic.replace(".", "_")


TOPIC_OF_VIEW = {view_name(topic): topic for topic in TOPICS}


class History:
    """Answers queries over an archive. Only reading: there is nothing in the database but views of files."""

    def __init__(self, url: str) -> None:
        """Raises InputFileError, UsageError, StoreError: there is no archive there."""
        self._archive = open_archive(url)
        self._database = _database(self._archive)

    def query(self, sql: str) -> Answer:
        """The rows of a query.

        Raises:
            UsageError: it is none, or asks for what there is not.
        """
        import duckdb

        self._check(sql)
        union, failed = False, Exception()
        for _ in range(3):
            bounds = bounds_of(self._database, sql)
            for topic in named_topics(sql):
                self._define(topic, bounds, union=union)
            try:
                reader = self._database.sql(sql).to_arrow_reader(ROWS_AT_ONCE)
                return Answer(reader.schema.names, _rows(reader))
            except duckdb.IOException as error:  # the archive joined files meanwhile: the list is made again
                failed = error
            except duckdb.Error as error:
                if union or "union_by_name" not in str(error):
                    raise self._explained(error) from None
                union = True  # files of an earlier version have fewer columns; to know them all takes time
                failed = error
        raise InputFileError(f"the archive in {self._archive.folder.url} cannot be read: {_first_line(failed)}") from None

    def _check(self, sql: str) -> None:
        import duckdb

        try:
            statements = self._database.extract_statements(sql)
        except duckdb.Error as error:
            raise self._explained(error) from None
        if len(statements) != 1:
            raise UsageError(f"expected one query, found {len(statements)}", hint="such as: SELECT * FROM market_bars LIMIT 10")
        if statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
            raise UsageError(
                f"expected a query that reads, found {statements[0].type.name}", hint="the archive is only read; begin with SELECT"
            )

    def _define(self, topic: str, bounds: Bounds, *, union: bool) -> None:
        """The view of a topic as its files of some time are now; without files one of no rows."""
        files = [self._path(file.path) for file in reversed(self._archive.files([topic], *bounds))]  # the first one says the columns
        name = view_name(topic)
        if not files:
            self._database.register(f"no_{name}", schema_of(topic).empty_table())
            nothing = "'' AS topic, DATE '1970-01-01' AS \"date\", 0::BIGINT AS \"hour\""
            self._database.execute(f'CREATE OR REPLACE VIEW "{name}" AS SELECT *, {nothing} FROM "no_{name}"')  # noqa: S608 - our names
            return
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
        types = "{'topic': VARCHAR, 'date': DATE, 'hour': BIGINT}"
        reading = f"read_parquet([{listed}], hive_partitioning = true, hive_types = {types}, union_by_name = {union})"
        self._database.execute(f'CREATE OR REPLACE VIEW "{name}" AS SELECT * FROM {reading}')  # noqa: S608 - our names

    def _path(self, path: str) -> str:
        return f"{self._archive.folder.url.rstrip('/')}/{path}"

    def _explained(self, error: Exception) -> UsageError:
        text = _first_line(error)
        missing = re.search(r"Table with name (\S+) does not exist", text)
        if not missing:
            return UsageError(f"the query cannot be answered: {text}", hint="SELECT * FROM market_ticks LIMIT 1 shows a table's columns")
        close = get_close_matches(missing.group(1), TOPIC_OF_VIEW, n=1)
        there = ", ".join(map(view_name, self._archive.topics())) or "none yet"
        guess = f"did you mean {close[0]}? " if close else ""
        return UsageError(f"expected a table of the archive, found {missing.group(1)!r}", hint=f"{guess}tables with records: {there}")


def held(url: str) -> Iterator[str]:
    """What an archive holds: a line a topic. Raises as ``History``."""
    by_topic: dict[str, list[ArchiveFile]] = {}
    for file in open_archive(url).files():
        by_topic.setdefault(file.topic, []).append(file)
    for topic, files in by_topic.items():
        hours = [format_time(file.start_ns)[:13] for file in (min(files, key=_hour), max(files, key=_hour))]
        yield f"{view_name(topic)} files={len(files)} bytes={sum(file.size_bytes for file in files)} from={hours[0]}h to={hours[1]}h"


def _hour(file: ArchiveFile) -> int:
    return file.hour


def named_topics(sql: str) -> list[str]:
    """Topics whose views a query may name: whose names stand in it."""
    words = set(re.findall(r"\w+", sql.lower()))
    return [topic for view, topic in TOPIC_OF_VIEW.items() if view in words]


def _database(archive: Archive) -> duckdb.DuckDBPyConnection:
    import duckdb

    database = duckdb.connect(":memory:")
    if "://" in archive.folder.url:
        database.register_filesystem(file_system())
    database.execute("SET autoinstall_known_extensions = false")
    database.execute("SET TimeZone = 'UTC'")
    return database


def _rows(reader: pa.RecordBatchReader) -> Iterator[Sequence[Any]]:
    """Through Arrow: DuckDB's own rows cut times to microseconds."""
    for batch in reader:
        yield from zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        found: list[Any] = column.to_pylist()
        return found
    scale = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}[column.type.unit]
    return [None if value is None else Nanoseconds(value * scale) for value in column.cast(pa.int64()).to_pylist()]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
