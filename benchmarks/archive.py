"""What keeping every record costs: records of several topics become Parquet files, and are read back.

::

    batches of a topic ──► archive store (sinks/parquet.py) ──► Parquet files ──► records again      (one process, no engine)

Every record that is read back must be the one that was written, to the byte, with its key. Measured is the CPU of this process: of writing,
files synced to the disk included, and of reading; the bytes of an event as JSON and in the archive; the most memory.
"""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from benchmarks.answers import WrongAnswer
from benchmarks.options import Options
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import Ticks
from schemas.bus import Batch
from schemas.events import Envelope, Header, encode
from schemas.market_codec import encode_bars, encode_marks
from schemas.market_frames import BAR, MARK
from schemas.orders import ExecType, ExecutionReport
from schemas.store import Opening
from schemas.symbols import SYMBOLS
from schemas.times import SECOND_NS, format_time
from sinks.parquet import ArchiveSettings, ParquetStore
from sources.archive import open_archive

EVENTS = 1_000_000

_BATCH = 10_000
_PARTITIONS = 8
_SYMBOLS = 1000
_START_NS = 1_767_364_200 * SECOND_NS
_STEP_NS = 10_000
_LEAST_PER_S = 500_000
_SEED = 7

Made = tuple[list[bytes], list[bytes], list[int]]
"""Keys, values, partitions."""


@dataclass(frozen=True)
class Case:
    """Records of a topic."""

    name: str
    topic: str
    share: int
    """One in so many of the events."""
    make: Callable[[int], Iterator[Made]]
    per_record: int = 1
    is_asked: bool = False
    """500,000 events a second are asked for."""


def run(options: Options) -> Iterator[Row]:
    """A row a kind of record."""
    events = options.count(EVENTS)
    for case in CASES:
        note(case.name)
        yield measured(case, max(1000, events // case.share))


def measured(case: Case, events: int) -> Row:
    """Write the records of a case, read them back, compare."""
    batches = list(_batches(case, events))
    records = sum(map(len, batches))
    with tempfile.TemporaryDirectory(prefix="trademaster-archive-") as folder:
        _write(batches[:1], Path(folder) / "warm")
        began = time.process_time()
        _write(batches, Path(folder) / "archive")
        written_s = time.process_time() - began
        began = time.process_time()
        found = _read(case.topic, Path(folder) / "archive")
        read_s = time.process_time() - began
        size = sum(file.stat().st_size for file in (Path(folder) / "archive").rglob("*.parquet"))
    _check(batches, found)
    rows = records * case.per_record
    figures = {
        "events_per_s": rows / written_s,
        "write_cpu_us": written_s / rows * 1e6,
        "read_cpu_us": read_s / rows * 1e6,
        "json_bytes": sum(len(batch.data) for batch in batches) / rows,
        "archive_bytes": size / rows,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return Row(case.name, figures, at_least={"events_per_s": _LEAST_PER_S} if case.is_asked else {})


def _write(batches: list[Batch], folder: Path) -> None:
    store = ParquetStore(ArchiveSettings(str(folder)), Opening("benchmark", 0, threading.Event()))
    for batch in batches:
        store.write(batch)
    store.flush()


def _read(topic: str, folder: Path) -> list[Batch]:
    archive = open_archive(str(folder))
    return [found.batch for partition in range(_PARTITIONS) for found in archive.records(topic, partition)]


def _check(batches: list[Batch], found: list[Batch]) -> None:
    """The same records, key and value, at the same places."""
    wanted, again = (
        {
            place: record
            for batch in some
            for place, record in zip(
                zip(batch.partition.tolist(), batch.offset.tolist(), strict=True),
                zip(batch.keys or (), batch.values(), strict=True),
                strict=True,
            )
        }
        for some in (batches, found)
    )
    if wanted != again:
        raise WrongAnswer(f"expected {len(wanted)} records as they were, found {len(again)}, or some that differ")


def _batches(case: Case, events: int) -> Iterator[Batch]:
    offsets = [0] * _PARTITIONS
    for keys, values, partitions in case.make(events):
        for first in range(0, len(values), _BATCH):
            part = slice(first, first + _BATCH)
            chosen, offset = partitions[part], []
            for partition in chosen:
                offset.append(offsets[partition])
                offsets[partition] += 1
            yield Batch(
                topic=case.topic,
                data=np.frombuffer(b"".join(values[part]), np.uint8),
                ends=np.cumsum([len(value) for value in values[part]], dtype=np.int64),
                partition=np.array(chosen, np.int32),
                offset=np.array(offset, np.int64),
                timestamp_ms=np.full(len(chosen), _START_NS // 1_000_000),
                keys=keys[part],
            )


def _ticks(per_message: int) -> Callable[[int], Iterator[Made]]:
    def made(events: int) -> Iterator[Made]:
        for records in Ticks(events, min(_SYMBOLS, events // 4), _PARTITIONS, per_message).messages():
            yield list(records.keys), [value or b"" for value in records.values], list(records.partitions)

    return made


def _foreign(events: int) -> Iterator[Made]:
    """Ticks with an id of their own in each: no column has it, so each is kept as bytes too."""
    number = 0
    for keys, values, partitions in _ticks(1)(events):
        yield keys, [value[:-1] + b',"tradeId":"%016x"}' % (number + at) for at, value in enumerate(values)], partitions
        number += len(values)


def _frame(dtype: np.dtype[np.void], count: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Rows of random prices, a random walk's being shorter texts."""
    rng, rows = np.random.default_rng(_SEED), np.zeros(count, dtype)
    for name, (kind, *_) in (dtype.fields or {}).items():
        rows[name] = rng.lognormal(4, 1, count) if kind == np.float64 else 0
    rows["symbol"] = [SYMBOLS.code(f"S{at % _SYMBOLS:03d}") for at in range(count)]
    return rows


def _columns(keys: object, values: object) -> Made:
    texts = list(keys)  # type: ignore[call-overload]
    return texts, list(values), [int(key[-1:]) % _PARTITIONS for key in texts]  # type: ignore[call-overload]


def _marks(events: int) -> Iterator[Made]:
    rows = _frame(MARK, events)
    rows["time"] = _START_NS + np.arange(events) * _STEP_NS
    rows["sequence"] = np.arange(events)
    rows["price"], rows["bid"], rows["ask"], rows["size"] = (np.round(rows[name], 2) for name in ("price", "bid", "ask", "size"))
    yield _columns(*encode_marks(rows))


def _bars(events: int) -> Iterator[Made]:
    rows = _frame(BAR, events)
    rows["start"] = _START_NS + np.arange(events) // _SYMBOLS * SECOND_NS
    rows["end"] = rows["start"] + SECOND_NS
    for name in ("open", "high", "low", "close"):
        rows[name] = np.round(rows[name], 2)
    yield _columns(*encode_bars(rows, ("1s",)))


def _fills(events: int) -> Iterator[Made]:
    keys, values = [], []
    for at in range(events):
        header = Header(f"fill|{at}", f"order|{at // 3}", "EXECUTION_REPORT", 2, format_time(_START_NS + at * 1_000_000), "venue")
        report = ExecutionReport(
            exec_type=ExecType.FILL,
            account=f"A{at % 50}",
            symbol=f"S{at % _SYMBOLS}",
            order_id=f"O{at // 3}",
            execution_id=f"E{at}",
            side="buy" if at % 2 else "sell",
            quantity=Decimal(100 + at % 7),
            price=Decimal(10_000 + at % 977) / 100,
        )
        keys.append(b"O%d" % (at // 3))
        values.append(encode(Envelope(header, report)))
    yield keys, values, [at % _PARTITIONS for at in range(events)]


CASES = (
    Case("ticks, a message each", "market.ticks", 1, _ticks(1), is_asked=True),
    Case("ticks, 20 a message", "market.ticks", 1, _ticks(20), 20),
    Case("ticks with an id each", "market.ticks", 2, _foreign),
    Case("marks", "market.marks", 4, _marks, is_asked=True),
    Case("bars", "market.bars", 4, _bars),
    Case("fills", "orders.events", 8, _fills),
)
"""What is measured."""
