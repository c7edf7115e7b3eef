"""Parquet files of the archive: how rows are written, and how they are read again, by the chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.archive_columns import schema_of
from schemas.archive_folder import ArchiveFolder
from schemas.archive_layout import ArchiveFile

ROW_GROUP_ROWS = 1 << 17
CHUNK_ROWS = 1 << 16
"""Rows of a file that are read at once."""

ZSTD_LEVEL = 3

_DELTAS = pa.types.is_integer, pa.types.is_timestamp


@lru_cache(maxsize=64)
def _options(topic: str) -> dict[str, Any]:
    """Dictionaries for texts, differences for integers and times: half the size and the time of what pyarrow does by itself."""
    schema = schema_of(topic)
    texts = [field.name for field in schema if not any(is_kind(field.type) for is_kind in (*_DELTAS, pa.types.is_boolean))]
    deltas = {field.name: "DELTA_BINARY_PACKED" for field in schema if any(is_kind(field.type) for is_kind in _DELTAS)}
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "use_dictionary": [name for name in texts if name != "bus_raw"],
        "column_encoding": deltas,
        "store_schema": False,  # readers see texts as texts, not as what they were here in memory
        "write_page_index": True,
    }


def parquet_bytes(topic: str, tables: Iterable[pa.Table]) -> pa.Buffer:
    """The rows of some tables, one after another, as one Parquet file."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema_of(topic), **_options(topic)) as writer:
        for table in tables:
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
