"""Marks from the bus to InfluxDB, beside what the server takes from a client that has nothing to do.

::

    market.marks ──► influxdb delivery ──► InfluxDB 2
    8 partitions     1 or 2 processes      on the same cores
    1,000 symbols    requests of 10,000 points, gzip

The server's limit: requests made beforehand, compressed and not, sent by connections that do nothing else: as many as the
senders of one process, and of two.
What is of start-up is taken off by a run over a few points.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np

from benchmarks.answers import WrongAnswer
from benchmarks.measuring import Ran, run_metered
from benchmarks.options import Options
from benchmarks.progress import note
from benchmarks.rows import Row
from schemas.bus import Batch, RecordColumns
from schemas.market_codec import encode_marks
from schemas.market_frames import MARK, Marks
from schemas.partitioning import partition_of
from schemas.symbols import SYMBOLS
from sinks.influx.lines import write_lines
from sinks.influx.requests import Target, Verdict, WriteClient
from tests.servers.influxdb import InfluxAddress, own_server
from trademaster.bus import open_bus
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings

POINTS = 1_000_000
FEW = 50_000
BUDGET_US = 6.0
SYMBOL_COUNT = 1_000
_BLOCK = 10_000
_START_NS = 1_767_366_245_000_000_000
_PARTITIONS = 8


def run(options: Options) -> Iterator[Row]:
    """The server's limit, then the delivery with one process and with two."""
    points = max(options.count(POINTS), 2 * FEW)
    with own_server() as server, tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        address = server.address
        for connections, gzip in ((2, True), (4, True), (4, False)):
            name = f"the server alone, {connections} connections, {'gzip' if gzip else 'plain'}"
            yield Row(name, _limit(address, points, connections, gzip=gzip))
        for name, size in (("few", FEW), ("all", points)):
            _fill(f"embedded:{folder}/{name}", size)
        for processes in (1, 2):
            few, _ = _delivered(address, Path(folder) / "few", FEW, processes)
            ran, bucket = _delivered(address, Path(folder) / "all", points, processes)
            _check(address, bucket, points)
            seconds, cpu_s = (ran.end - ran.begin) - (few.end - few.begin), ran.cpu_s - few.cpu_s
            figures = {
                "points_per_s": (points - FEW) / seconds,
                "cpu_us": cpu_s / (points - FEW) * 1e6,
                "whole_cpu_us": ran.cpu_s / points * 1e6,
                "memory_mb": ran.meter.peak_mb("ours"),
            }
            yield Row(f"the delivery, {processes} processes", figures, {} if options.quick else {"cpu_us": BUDGET_US})


def _marks(points: int) -> Iterator[Marks]:
    """Blocks of marks as the market flow makes them; the same each time."""
    rng = np.random.default_rng(7)
    codes = np.array([SYMBOLS.code(f"S{number:06d}") for number in range(SYMBOL_COUNT)])
    for start in range(0, points, _BLOCK):
        rows = np.zeros(min(_BLOCK, points - start), MARK)
        at = np.arange(start, start + len(rows))
        rows["symbol"], rows["sequence"], rows["time"] = codes[at % SYMBOL_COUNT], at, _START_NS + at * 10_000
        price = np.round(100 + rng.normal(0, 1, len(rows)), 2)
        rows["price"], rows["bid"], rows["ask"] = price, price - 0.01, price + 0.01
        rows["size"], rows["day_volume"] = rng.integers(1, 100, len(rows)) * 100, at * 100.0
        rows["ewma_variance"], rows["realized_variance"] = rng.random(len(rows)) * 1e-6, rng.random(len(rows)) * 1e-3
        yield rows


def _fill(url: str, points: int) -> None:
    bus = open_bus(url)
    bus.create(topic_settings(Settings(), ["market.marks", "dead.letters"]))
    writer = bus.writer()
    for rows in _marks(points):
        keys, values = encode_marks(rows)
        partitions = [partition_of(key, _PARTITIONS) for key in keys]
        writer.write(RecordColumns("market.marks", np.array(partitions, np.int32), keys, values))
    writer.flush()
    writer.close()
    bus.close()


def _limit(address: InfluxAddress, points: int, connections: int, *, gzip: bool) -> dict[str, float]:
    """How many points a second the server takes of connections that only send."""
    bucket = address.new_bucket()
    bodies = [_lines(rows) for rows in _marks(points)]
    client = WriteClient(Target(address.url, address.org, bucket, address.token, gzip=gzip), connections)
    packed = [client.packed([memoryview(body)]) for body in bodies]
    next_one, refused = count(), []

    def send() -> None:
        while (number := next(next_one)) < len(packed):
            answer = client.send_packed(packed[number])
            if answer.verdict is not Verdict.TAKEN:
                refused.append(answer.text)

    threads = [threading.Thread(target=send) for _ in range(connections)]
    began, used = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - used
    client.close()
    if refused:
        raise WrongAnswer(f"expected the server to take all, found {refused[0]}")
    _check(address, bucket, points)
    return {"points_per_s": points / seconds, "cpu_us": cpu_s / points * 1e6}


def _lines(rows: Marks) -> bytes:
    _, values = encode_marks(rows)
    size = len(rows)
    batch = Batch("market.marks", values.data, values.ends, np.zeros(size, np.int32), np.arange(size), np.zeros(size, np.int64))
    return write_lines(batch)[0].data.tobytes()


def _delivered(address: InfluxAddress, place: Path, points: int, processes: int) -> tuple[Ran, str]:
    bucket = address.new_bucket()
    values = {"url": address.url, "org": address.org, "token": address.token, "bucket": bucket, "topics": "market.marks"}
    sets = [word for name, value in values.items() for word in ("--set", f"influxdb.{name}={value}")]
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as recovery:
        where = ["--bus", f"embedded:{place}", "--recovery", recovery, "--processes", str(processes)]
        note(f"delivering {points:,} points, {processes} processes")
        return run_metered([[sys.executable, "-m", "trademaster", "run", "influxdb", *where, "--until-end", "--quiet", *sets]]), bucket


def _check(address: InfluxAddress, bucket: str, points: int) -> None:
    """Each symbol's points are all there: their number, and the sum of what numbers them."""
    flux = f'from(bucket: "{bucket}") |> range(start: 0) |> filter(fn: (r) => r._field == "sequence") |> group(columns: ["symbol"])'
    found = {row["symbol"]: (int(row["count"]), int(row["sum"])) for row in address.rows(f"{flux} {_COUNT_AND_SUM}")}
    expected = {f"S{number:06d}": _sums(range(number, points, SYMBOL_COUNT)) for number in range(min(points, SYMBOL_COUNT))}
    if found != expected:
        wrong = list(islice((symbol for symbol, sums in expected.items() if found.get(symbol) != sums), 3))
        raise WrongAnswer(f"expected {points:,} points of {len(expected)} symbols, found others, such as of {wrong}")


_COUNT_AND_SUM = """|> reduce(identity: {count: 0, sum: 0}, fn: (r, accumulator) =>
    ({count: accumulator.count + 1, sum: accumulator.sum + r._value}))"""


def _sums(numbers: Sequence[int]) -> tuple[int, int]:
    return len(numbers), sum(numbers)
