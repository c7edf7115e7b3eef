"""Parquet files of the archive: how rows are written, and how they are read again, by the chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.archive.columns import schema_of
from schemas.archive.folder import ArchiveFolder
from schemas.archive.layout import ArchiveFile

ROW_GROUP_ROWS = 1 << 17
CHUNK_ROWS = 1 << 16
"""Rows of a file that are read at once."""

ZSTD_LEVEL = 1

SAMPLE_ROWS, SMALL_ROWS = 512, 64

_DELTAS = pa.types.is_integer, pa.types.is_timestamp


@lru_cache(maxsize=64)
def _deltas(topic: str) -> dict[str, str]:
    """Integers and times as differences: a third of the size and of the time of what pyarrow does by itself."""
    return {field.name: "DELTA_BINARY_PACKED" for field in schema_of(topic) if any(is_kind(field.type) for is_kind in _DELTAS)}


def _repeating(table: pa.Table) -> list[str]:
    """Columns worth a dictionary, by their first rows: ids that differ from row to row would only be looked up in vain."""
    sample = table.slice(0, SAMPLE_ROWS)
    deltas = [
        name for name in table.column_names if any(is_kind(table.schema.field(name).type) for is_kind in (*_DELTAS, pa.types.is_boolean))
    ]
    others = [name for name in table.column_names if name not in (*deltas, "bus_raw", "bus_shape")]
    return [
        "bus_shape",
        *(name for name in others if 2 * pc.count_distinct(sample[name]).as_py() <= len(sample) or len(table) <= SMALL_ROWS),
    ]


def parquet_bytes(topic: str, tables: Iterable[pa.Table]) -> pa.Buffer:
    """The rows of some tables, one after another, as one Parquet file."""
    sink, rest = pa.BufferOutputStream(), iter(tables)
    first = next(rest)
    options = {"compression": "zstd", "compression_level": ZSTD_LEVEL, "write_page_index": True}
    options |= {"use_dictionary": _repeating(first), "column_encoding": _deltas(topic)}
    # Without the schema as it is here in memory, readers see texts as texts.
    with pq.ParquetWriter(sink, schema_of(topic), store_schema=False, **options) as writer:
        for table in chain([first], rest):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return sink.getvalue()


def read_tables(folder: ArchiveFolder, file: ArchiveFile, rows: int = CHUNK_ROWS) -> Iterator[pa.Table]:
    """The rows of a file in their order, at most so many at once, with the topic's schema.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    schema = schema_of(file.topic)
    with folder.opened(file.path) as source, pq.ParquetFile(source, read_dictionary=["bus_shape"]) as opened:
        for batch in opened.iter_batches(batch_size=rows):
            table = pa.Table.from_batches([batch])
            for name in schema.names:
                if name not in table.column_names:  # files of an earlier version do not have it
                    table = table.append_column(name, pa.nulls(len(table), schema.field(name).type))
            yield table.select(schema.names).cast(schema)
