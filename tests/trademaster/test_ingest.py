"""What is ingested can be read back from the bus: each tick in its partition and in order, bad rows as dead letters, heartbeats."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from schemas.bus import Bus, RecordColumns, Records, TopicSettings
from schemas.dead_letters import DeadLetter
from schemas.errors import UsageError
from schemas.events import Envelope
from schemas.market import WireTick
from schemas.partitioning import partition_of
from schemas.symbols import SYMBOLS
from schemas.ticks import TRADE, Rows
from schemas.times import format_time
from schemas.topics import TOPICS
from sources import csv
from sources.columns import TableOptions
from sources.jsonl import read_lines
from sources.simulator import Simulator
from sources.table import TickBlock
from trademaster.bus import open_bus
from trademaster.data import AMZN_OPTIONS, amzn_trades
from trademaster.ingest import Ingest, Progress
from trademaster.tick_records import route

PARTITIONS = 4


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    opened = open_bus(f"embedded:{tmp_path / 'bus'}")
    opened.create([TopicSettings(row.name, 1 if row.single else PARTITIONS, row.compacted) for row in TOPICS.values()])
    yield opened
    opened.close()


def ingest(bus: Bus, **options: object) -> Ingest:
    return Ingest(bus.writer(), bus, source="trades.csv", **options)  # type: ignore[arg-type]


def read(bus: Bus, topic: str = "market.ticks") -> dict[int, list[tuple[bytes | None, bytes]]]:
    """Key and value of every record, by partition."""
    found: dict[int, list[tuple[bytes | None, bytes]]] = {part: [] for part in bus.partitions(topic)}
    reader = bus.reader(topic, with_keys=True)
    while batch := reader.poll(10_000, 0.0):
        assert batch.keys is not None
        for part, key, value in zip(batch.partition.tolist(), batch.keys, batch.values(), strict=True):
            found[part].append((key, value))
    reader.close()
    return found


def ticks_of(values: list[bytes]) -> list[WireTick]:
    decoded = [msgspec.json.decode(value, type=WireTick | list[WireTick]) for value in values]
    return [tick for one in decoded for tick in (one if isinstance(one, list) else [one])]


def as_wire(row: Rows) -> tuple[object, ...]:
    numbers = [None if np.isnan(row[name]) else float(row[name]) for name in ("price", "size", "bid", "ask", "bid_size", "ask_size")]
    kind = "trade" if row["kind"] == TRADE else "quote"
    side = {1: "buy", -1: "sell", 0: None}[int(row["side"])]
    sequence = None if row["sequence"] < 0 else int(row["sequence"])
    return (kind, int(row["time"]), SYMBOLS.names[row["symbol"]], *numbers, sequence, side)


def wire(tick: WireTick) -> tuple[object, ...]:
    return msgspec.structs.astuple(tick)[:-1]


@pytest.mark.parametrize("batch", [1, 7])
def test_each_tick_is_in_its_symbols_partition_and_in_order(bus: Bus, batch: int) -> None:
    blocks = list(Simulator(30, 1000.0).blocks(3000, 500))
    result = ingest(bus, batch=batch).ticks(blocks)
    rows = np.concatenate(blocks)
    wanted: dict[int, list[tuple[object, ...]]] = {part: [] for part in range(PARTITIONS)}
    for row in rows:
        wanted[partition_of(SYMBOLS.names[row["symbol"]].encode(), PARTITIONS)].append(as_wire(row))
    records = 0
    for part, found in read(bus).items():
        assert json.loads(found[-1][1]) == {"type": "heartbeat", "timestamp": int(rows["time"][-1])}
        ticks = [ticks_of([value]) for _, value in found[:-1]]
        assert [wire(tick) for some in ticks for tick in some] == wanted[part]
        for (key, _), some in zip(found[:-1], ticks, strict=True):
            assert len(some) <= batch
            symbols = {tick.symbol for tick in some}
            assert key == (str(symbols.pop()).encode() if len(symbols) == 1 else b"")
        records += len(ticks)
    assert (result.events, result.records, result.heartbeats, result.rejected) == (3000, records, PARTITIONS, 0)
    assert records == 3000 if batch == 1 else records < 3000 / 3
    assert (result.first_time_ns, result.last_time_ns) == (rows["time"][0], rows["time"][-1])


def test_the_amazon_session_arrives_whole(bus: Bus) -> None:
    result = ingest(bus, end_after_ns=5).ticks(amzn_trades())
    assert result.events == 11_419
    found = read(bus)[partition_of(b"AMZN", PARTITIONS)]
    ticks = ticks_of([value for _, value in found])
    assert len(ticks) == 11_420
    assert wire(ticks[0])[:5] == ("trade", 1340285400_017460000, "AMZN", 223.82, 1.0)
    assert wire(ticks[-2])[:5] == ("trade", 1340308799_545828000, "AMZN", 220.51, 51.0)
    assert ticks[-1].timestamp == 1340308799_545828005


def test_the_sample_is_exact_to_the_last_digit() -> None:
    import gzip
    from decimal import Decimal
    from importlib.resources import files

    text = gzip.decompress((files("trademaster.data") / "amzn-trades-2012-06-21.csv.gz").read_bytes()).decode()
    lines = [line.split(",") for line in text.splitlines()[1:]]
    rows = np.concatenate([block.rows for block in amzn_trades()])
    assert len(rows) == len(lines) == 11_419
    assert rows["price"].tolist() == [float(Decimal(price) / 10_000) for _, price, _ in lines]
    assert rows["size"].tolist() == [float(size) for _, _, size in lines]
    four_hours_ns = 4 * 3600 * 10**9
    assert [format_time(time - four_hours_ns) for time in rows["time"].tolist()] == [f"{time.replace(' ', 'T')}Z" for time, _, _ in lines]
    plain = list(csv.read_ticks(io.BytesIO(text.encode()), AMZN_OPTIONS))
    assert repr(np.concatenate([block.rows for block in plain]).tolist()) == repr(rows.tolist())


def test_bad_rows_become_dead_letters(bus: Bus) -> None:
    data = b"time,price\n2012-06-21,1\nnever,2\n2012-06-22,x\n2012-06-23,3\n"
    result = ingest(bus).ticks(csv.read_ticks(io.BytesIO(data), TableOptions(symbol="X")))
    assert (result.events, result.rejected) == (2, 2)
    letters = [msgspec.json.decode(value, type=Envelope[DeadLetter]) for found in read(bus, "dead.letters").values() for _, value in found]
    assert [(letter.payload.offset, letter.payload.reason.value, base64.b64decode(letter.payload.payload)) for letter in letters] == [
        (3, "time", b"never,2"),
        (4, "number", b"2012-06-22,x"),
    ]
    assert {letter.header.event_id for letter in letters} == {"dead|file:trades.csv-0-3", "dead|file:trades.csv-0-4"}


class StepClock:
    """A clock that moves only when it is slept on."""

    time_ns = 0

    def now_ns(self) -> int:
        return self.time_ns

    def sleep(self, duration_s: float) -> None:
        self.time_ns += int(duration_s * 1e9)


def test_a_paced_feed_is_readable_before_it_waits_and_says_when_it_is_idle(bus: Bus) -> None:
    blocks = list(Simulator(["A"], 0.2).blocks(3, 1))
    times = [int(block["time"][0]) for block in blocks]
    seen: list[int] = []

    class Watching(StepClock):
        def sleep(self, duration_s: float) -> None:
            seen.append(sum(b"trade" in value or b"quote" in value for found in read(bus).values() for _, value in found))
            super().sleep(duration_s)

    reports: list[Progress] = []
    result = ingest(bus, speed=1.0, clock=Watching(), progress=reports.append).ticks(blocks)
    assert set(seen) == {1, 2}, "each tick could be read while the feed waited for the next"
    for found in read(bus).values():
        order = [tick.timestamp for tick in ticks_of([value for _, value in found])]
        assert order == sorted(order, key=int), "a heartbeat is never later than what follows it"
    seconds = (times[-1] - times[0]) // 10**9
    assert result.heartbeats // PARTITIONS - 1 in range(seconds - 2, seconds + 1)
    assert reports[-1] == result
    assert [report.events for report in reports] == sorted(report.events for report in reports)


def test_nothing_lies_in_the_writer_while_the_feed_waits(bus: Bus) -> None:
    writer, held = bus.writer(), [0]

    class Counting:
        def write(self, records: Records | RecordColumns) -> None:
            held[0] += len(records)
            writer.write(records)

        def flush(self, timeout_s: float = 30.0) -> None:
            held[0] = 0
            writer.flush(timeout_s)

        def close(self) -> None:
            writer.close()

    class Watching(StepClock):
        def sleep(self, duration_s: float) -> None:
            assert held == [0]
            super().sleep(duration_s)

    Ingest(Counting(), bus, source="a", speed=10.0, clock=Watching()).ticks(Simulator(5, 20.0).blocks(100, 7))
    assert held == [0], "nor at the end"


def test_lines_go_to_their_topics_and_ticks_keep_their_text(bus: Bus) -> None:
    tick = b'{"type":"trade","symbol":"%s","timestamp":1340285400000000000,"price":1.50,"extra":[1]}'
    both = b"[" + tick % b"A" + b"," + tick % b"B" + b"," + tick % b"A" + b"]"
    lines = [
        tick % b"A",
        both,
        b'{"type":"heartbeat","timestamp":1340285401000000000}',
        b'{"topic":"control.limits","value":{"limitId":"L1","rule":"price_band","scope":"firm","threshold":"0.1"}}',
        b'{"topic":"orders.events","value":{"orderId":"O","symbol":"A"}}',
        b'{"no":"symbol"}',
        b"{broken",
    ]
    result = ingest(bus).lines(read_lines(io.BytesIO(b"\n".join(lines)), "market.ticks"))
    assert (result.events, result.rejected) == (6, 1)
    found = read(bus)
    place = {name: partition_of(name, PARTITIONS) for name in (b"A", b"B")}
    assert place[b"A"] != place[b"B"], "else the array need not be split"
    assert found[place[b"A"]][:2] == [(b"A", tick % b"A"), (b"A", b"[" + tick % b"A" + b"," + tick % b"A" + b"]")]
    assert found[place[b"B"]][0] == (b"B", b"[" + tick % b"B" + b"]")
    assert all(any(b"heartbeat" in value for _, value in values) for values in found.values())
    assert any(value == b'{"no":"symbol"}' for _, value in found[0]), "its reader says what is wrong with it"
    ((key, event),) = read(bus, "control.limits")[0]
    assert key == b"L1"
    assert json.loads(event)["header"]["eventId"] == "control.limits|4"
    ((key, event),) = read(bus, "orders.events")[place[b"A"]]
    assert key == b"O"
    assert json.loads(event)["header"]["timestamp"] == "2012-06-21T13:30:01.000000000Z", "how far the ticks before it have come"


def test_an_empty_feed_says_nothing(bus: Bus) -> None:
    nothing: list[TickBlock] = []
    result = ingest(bus).ticks(nothing)
    assert (result.events, result.heartbeats) == (0, 0)
    assert not any(read(bus).values())


def test_a_batch_out_of_range_is_refused(bus: Bus) -> None:
    with pytest.raises(UsageError, match="--batch"):
        ingest(bus, batch=0)


def test_a_heartbeat_goes_everywhere_and_a_bad_one_to_one_place() -> None:
    good = b'{"type":"heartbeat","timestamp":1340285400000000000}'
    assert route(good, 4) == [(part, b"", good) for part in range(4)]
    for bad in (b'{"type":"heartbeat"}', b'{"type":"heartbeat","timestamp":"noon"}', b'{"type":"heartbeat","timestamp":-1}'):
        assert route(bad, 4) == [(0, b"", bad)]
