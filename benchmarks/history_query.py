"""How soon history is told: one symbol's day out of an archive of thirty days.

::

    archive of ticks ──► trademaster history (DuckDB) ──► count and mean price of a symbol's day      (one process)

The archive lies as a run of thirty days leaves it: a file an hour and partition. A plain reading of the day's files by pyarrow gives the
answer that it is compared with. Measured is the time of opening the archive and asking, in a program that has loaded its libraries.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.answers import WrongAnswer
from benchmarks.options import Options
from benchmarks.progress import note
from benchmarks.rows import Row
from schemas.archive.columns import schema_of
from schemas.archive.folder import open_folder, write_log
from schemas.archive.layout import HOUR_NS, ArchiveFile, day_folder
from schemas.archive.parquet import parquet_bytes
from schemas.partitioning import partition_of
from sources.archive import open_archive
from trademaster.history import History

EVENTS = 10_000_000

_DAYS = 30
_PARTITIONS = 8
_SYMBOLS = 1000
_FIRST_DAY = 20_718
"""2026-09-22."""
_ASKED_DAY = _FIRST_DAY + 17
_ASKED_MS = 100.0
_TRIES = 15
_SEED = 7

_WHEN = {
    "by date": "date = '2026-10-09'",
    "by time": "time >= '2026-10-09' AND time < '2026-10-10'",
}


def run(options: Options) -> Iterator[Row]:
    """A row for each way to name the day."""
    with tempfile.TemporaryDirectory(prefix="trademaster-history-") as folder:
        note("making the archive")
        make(Path(folder), options.count(EVENTS))
        yield from ask(Path(folder))


def make(folder: Path, events: int) -> None:
    """An archive of so many ticks, spread evenly over the days."""
    there, rng = open_folder(str(folder)), np.random.default_rng(_SEED)
    write_log(there, "benchmark")
    names = [f"S{code:03d}" for code in range(_SYMBOLS)]
    of_partition = [[name for name in names if partition_of(name.encode(), _PARTITIONS) == number] for number in range(_PARTITIONS)]
    count = max(1, events // (_DAYS * 24 * _PARTITIONS))
    for hour in range(_DAYS * 24):
        for partition, own in enumerate(of_partition):
            table = _ticks(own, _FIRST_DAY * 24 + hour, partition, hour * count, count, rng)
            last_s = int(table["bus_time"][-1].as_py().timestamp())
            file = ArchiveFile("market.ticks", _FIRST_DAY * 24 + hour, partition, hour * count, (hour + 1) * count - 1, last_s)
            there.put(file.path, parquet_bytes(file.topic, [table]))


def _ticks(names: list[str], hour: int, partition: int, first: int, count: int, rng: np.random.Generator) -> pa.Table:
    schema, times = schema_of("market.ticks"), np.sort(rng.integers(0, HOUR_NS, count)) + hour * HOUR_NS
    codes = pa.array(rng.integers(0, len(names), count).astype(np.int32))
    symbols = pa.DictionaryArray.from_arrays(codes, pa.array(names)).cast(pa.string())
    same, offsets = pa.array(np.zeros(count, np.int32)), pa.array(first + np.arange(count))
    holes = ('{"type":"', "type.text", '","timestamp":', "time.epoch", ',"symbol":"', "symbol.text", '","price":', "price.float", "}")
    columns = {
        "bus_partition": pa.array(np.full(count, partition, np.int32)),
        "bus_offset": offsets,
        "bus_index": pa.array(np.full(count, -1, np.int32)),
        "bus_count": pa.array(np.ones(count, np.int32)),
        "bus_time": pa.array(times // 1_000_000).view(pa.timestamp("ms")),
        "bus_key": symbols.cast(pa.binary()),
        "time": pa.array(times).view(pa.timestamp("ns")),
        "type": pa.array(["trade"]).take(same),
        "symbol": symbols,
        "price": pa.array(np.round(100 + np.cumsum(rng.normal(0, 0.01, count)), 2)),
        "sequence": offsets,
        "bus_shape": pa.DictionaryArray.from_arrays(same, pa.array(["\x01".join(holes)])),
    }
    return pa.Table.from_arrays([columns.get(field.name, pa.nulls(count, field.type)) for field in schema], schema=schema)


def ask(folder: Path, symbol: str = "S007") -> Iterator[Row]:
    """A row for each way to name the day, of an archive that ``make`` made."""
    expected = _plainly(folder, symbol)
    for name, condition in _WHEN.items():
        sql = f"SELECT count(*), avg(price) FROM market_ticks WHERE symbol = '{symbol}' AND {condition}"
        walls, cpus, count = [], [], 0
        for _ in range(_TRIES):
            wall, cpu = time.perf_counter(), time.process_time()
            ((count, mean),) = History(str(folder)).query(sql).rows
            walls.append((time.perf_counter() - wall) * 1e3)
            cpus.append((time.process_time() - cpu) * 1e3)
            if count != expected[0] or not np.isclose(mean, expected[1], rtol=1e-12):
                raise WrongAnswer(f"expected {expected}, found {(count, mean)}")
        figures = {"p50_ms": float(np.median(walls)), "least_ms": min(walls), "cpu_ms": float(np.median(cpus)), "rows": float(count)}
        yield Row(name, figures, {"p50_ms": _ASKED_MS})


def _plainly(folder: Path, symbol: str) -> tuple[int, float]:
    """Count and mean price by reading all of the day."""
    prices = []
    for file in open_archive(str(folder)).folder.files(day_folder("market.ticks", _ASKED_DAY)):
        table = pq.ParquetFile(folder / file.path).read(["symbol", "price"])
        prices.append(table.filter(pc.equal(table["symbol"], symbol))["price"].to_numpy())
    found = np.concatenate(prices)
    return len(found), float(found.mean())
