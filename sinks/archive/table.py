"""Records of a topic as rows of the archive: typed columns, and of each row either its shape or its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from schemas.archive.columns import ARROW, DECIMAL, DECIMAL_SCALE, Kind, columns_of, schema_of
from schemas.archive.shapes import Form, shape_text
from schemas.bus import Batch, Bytes1D, Int64s
from schemas.catalog import BARE
from schemas.json_bytes import READ_AHEAD
from sinks.archive.declined import read_declined
from sinks.archive.scanner import Scanned, scan_records
from sinks.archive.texts import gather_texts, permuted, read_floats, validity


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records of one topic in one buffer; READ_AHEAD readable bytes stand behind them."""

    topic: str
    data: Bytes1D
    ends: Int64s
    partition: npt.NDArray[np.int32]
    offset: Int64s
    timestamp_ms: Int64s
    keys: pa.Array
    """Bytes, null where a record has no key."""


def joined_records(batches: Sequence[Batch]) -> Records:
    """All records of some batches of one topic, by partition, each in its order."""
    data = np.concatenate([*(batch.data for batch in batches), np.zeros(READ_AHEAD + 8, np.uint8)])
    starts = np.cumsum([0, *(len(batch.data) for batch in batches[:-1])])
    ends = np.concatenate([batch.ends + start for batch, start in zip(batches, starts, strict=True)])
    partition, offset, appended_ms = (
        np.concatenate([getattr(batch, name) for batch in batches]) for name in ("partition", "offset", "timestamp_ms")
    )
    keys = pa.concat_arrays([_key_array(batch) for batch in batches])
    if (np.diff(partition) < 0).any():
        order = np.argsort(partition, kind="stable")
        data, ends = permuted(data, ends, order)
        partition, offset, appended_ms, keys = partition[order], offset[order], appended_ms[order], keys.take(pa.array(order))
    return Records(batches[0].topic, data, ends, partition, offset, appended_ms, keys)


def _key_array(batch: Batch) -> pa.Array:
    keys = batch.keys
    if keys is None:
        return pa.nulls(len(batch), pa.binary())
    try:
        joined = b"".join(keys)  # type: ignore[arg-type]
    except TypeError:  # some have none
        return pa.array(keys, pa.binary())
    offsets: npt.NDArray[np.int32] = np.zeros(len(keys) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, keys), np.int32, len(keys)), out=offsets[1:])  # type: ignore[arg-type]
    return pa.Array.from_buffers(pa.binary(), len(keys), [None, pa.py_buffer(offsets), pa.py_buffer(joined)])


def archive_table(records: Records) -> pa.Table:
    """The rows of records, in the order of records and of elements within them; ``schema_of`` says the columns."""
    scanned = scan_records(records.topic, records.data, records.ends)
    wrong = _prove_floats(scanned, records.data)
    if len(wrong):
        scanned = _without(scanned, np.unique(scanned.records[wrong]))
    table = _scanned_table(records, scanned)
    if not len(scanned.declined):
        return table
    extra, of_record = _declined_table(records, np.sort(scanned.declined))
    order = np.argsort(np.concatenate([scanned.records, of_record]), kind="stable")
    return pa.concat_tables([table, extra]).unify_dictionaries().take(pa.array(order)).combine_chunks()


def _prove_floats(scanned: Scanned, data: Bytes1D) -> Int64s:
    """Put in the doubles of UNPROVEN cells; rows of which one is not written as it would be written again."""
    wrong = []
    for cells, forms in zip(scanned.cells, scanned.forms, strict=True):
        rows = np.flatnonzero(forms == Form.UNPROVEN)
        if len(rows):
            numbers, proven = read_floats(data, cells[rows])
            cells[rows] = numbers.view(np.int64)
            wrong.append(rows[~proven])
    return np.unique(np.concatenate(wrong)) if wrong else np.empty(0, np.int64)


def _without(scanned: Scanned, refused: Int64s) -> Scanned:
    """The rows of all but some records, which are declined too."""
    kept = ~np.isin(scanned.records, refused)
    return Scanned(
        scanned.cells[:, kept],
        scanned.forms[:, kept],
        scanned.records[kept],
        scanned.indexes[kept],
        scanned.counts[kept],
        scanned.shapes[kept],
        scanned.spans[kept],
        scanned.raw_shapes,
        np.concatenate([scanned.declined, refused]),
    )


def _scanned_table(records: Records, scanned: Scanned) -> pa.Table:
    wanted = columns_of(records.topic)
    names = [column.name for column in wanted]
    columns = {
        column.name: _column(records.data, column.kind, cells, forms)
        for column, cells, forms in zip(wanted, scanned.cells, scanned.forms, strict=True)
    }
    texts = [shape_text(raw, names) for raw in scanned.raw_shapes]
    is_raw = scanned.shapes < 0
    columns["bus_shape"] = pa.DictionaryArray.from_arrays(pa.array(scanned.shapes, mask=is_raw), pa.array(texts, pa.string()))
    columns["bus_raw"] = gather_texts(records.data, scanned.spans, is_raw.view(np.int8)).view(pa.binary())
    columns["bus_index"], columns["bus_count"] = pa.array(scanned.indexes), pa.array(scanned.counts)
    times = _first_known(
        [(scanned.cells[names.index(name)], scanned.forms[names.index(name)]) for name in event_time_columns(records.topic)]
    )
    return _table(records, columns, scanned.records, *times)


def event_time_columns(topic: str) -> list[str]:
    """The columns that say a row's event time; the first that is given holds."""
    names = [column.name for column in columns_of(topic)]
    return ["timestamp", "event_time"] if "event_time" in names else ["time"]


def _first_known(given: Sequence[tuple[Int64s, npt.NDArray[np.int8]]]) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Event times, and whether each is known."""
    times, known = given[0][0].copy(), given[0][1] != 0
    for cells, forms in given[1:]:
        times = np.where(known, times, cells)
        known = known | (forms != 0)
    return times, known


def _column(data: Bytes1D, kind: Kind, cells: Int64s, forms: npt.NDArray[np.int8]) -> pa.Array:
    """One column of a scan."""
    if kind in (Kind.TEXT, Kind.JSON):
        return gather_texts(data, cells, forms)
    if kind is Kind.DECIMAL:
        texts = gather_texts(data, cells, forms)
        decimals = pl.Series(texts, dtype=pl.String).cast(pl.Decimal(38, DECIMAL_SCALE)).to_arrow()
        return decimals.cast(DECIMAL)
    valid = validity(forms != 0)
    if kind is Kind.BOOL:
        return pa.Array.from_buffers(pa.bool_(), len(cells), [valid, pa.py_buffer(np.packbits(cells == 1, bitorder="little"))])
    return pa.Array.from_buffers(ARROW[kind], len(cells), [valid, pa.py_buffer(np.ascontiguousarray(cells))])


def _declined_table(records: Records, declined: Int64s) -> tuple[pa.Table, Int64s]:
    """The rows of declined records, and the record of each."""
    wanted = columns_of(records.topic)
    rows, of_record = [], []
    for record in declined.tolist():
        start = int(records.ends[record - 1]) if record else 0
        raw = records.data[start : int(records.ends[record])].tobytes()
        found = list(read_declined(raw, wanted, is_array=records.topic in BARE))
        rows += found
        of_record += [record] * len(found)
    columns: dict[str, Any] = {}
    for at, column in enumerate(wanted):
        columns[column.name] = pa.array([row.values[at] for row in rows], ARROW[column.kind])
    columns["bus_shape"] = pa.DictionaryArray.from_arrays(pa.nulls(len(rows), pa.int32()), pa.array([], pa.string()))
    columns["bus_raw"] = pa.array([row.raw for row in rows], pa.binary())
    columns["bus_index"] = pa.array([row.index for row in rows], pa.int32())
    columns["bus_count"] = pa.array([row.count for row in rows], pa.int32())
    given = [columns[name].cast(pa.int64()) for name in event_time_columns(records.topic)]
    times = _first_known([(one.fill_null(0).to_numpy(), one.is_valid().to_numpy(zero_copy_only=False).view(np.int8)) for one in given])
    places = np.array(of_record, np.int64)
    return _table(records, columns, places, *times), places


def _table(records: Records, columns: dict[str, Any], of_record: Int64s, times: Int64s, known: npt.NDArray[np.bool_]) -> pa.Table:
    """Put beside the columns what is known of the record of each row."""
    appended_ms = records.timestamp_ms[of_record]
    columns["bus_partition"] = pa.array(records.partition[of_record])
    columns["bus_offset"] = pa.array(records.offset[of_record])
    columns["bus_time"] = pa.array(appended_ms).view(pa.timestamp("ms"))
    is_each = len(of_record) == len(records.keys) and bool((np.diff(of_record) == 1).all())
    columns["bus_key"] = records.keys if is_each else records.keys.take(pa.array(of_record))
    columns["time"] = pa.array(np.where(known, times, appended_ms * 1_000_000)).view(pa.timestamp("ns"))
    schema = schema_of(records.topic)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
