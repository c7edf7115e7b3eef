"""``trademaster run influxdb`` as a user starts it: killed, without a server, with other numbers of processes; and a session's bars."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from schemas.bus import Records
from schemas.partitioning import partition_of
from schemas.times import SECOND_NS, parse_time
from sources.simulator import Law, Simulator
from tests.engine.running import (
    FAST,
    create_topics,
    events,
    family,
    finished,
    kill,
    run_market,
    start_market,
    wait_until,
    write_control,
    write_heartbeats,
    write_ticks,
)
from tests.operators import amzn
from tests.servers.influxdb import InfluxAddress, InfluxServer
from tests.sinks.stored_points import compact, event, expected, stored
from trademaster.bus import open_bus

SEED = int(os.environ.get("TRADEMASTER_TEST_SEED", "6"))
KILLS = 8
TOPICS = ("market.bars", "market.marks", "risk.alerts", "orders.updates")
LIMIT = b'{"limitId":"band","rule":"price_band","scope":"firm","threshold":"0.001"}'
DAY_NS = 86_400 * SECOND_NS


def to_influxdb(address: InfluxAddress, bucket: str) -> tuple[str, ...]:
    values = {
        "url": address.url,
        "bucket": bucket,
        "token": address.token,
        "request_points": "300",
        "buffer_points": "1500",
        "wait": "20ms",
    }
    return tuple(word for name, value in values.items() for word in ("--set", f"influxdb.{name}={value}"))


def on_the_bus(url: str, topics: Iterable[str] = TOPICS) -> list[tuple[str, dict[str, Any]]]:
    return [(topic, one) for topic in topics for one in events(url, topic)]


def write_orders(url: str, count: int) -> None:
    """Updates of many orders at few nanoseconds, some of them twice: most of them tie."""
    bus = open_bus(url)
    writer, partitions = bus.writer(), len(bus.partitions("orders.updates"))
    values, places = [], []
    for at in range(count):
        name = f"o{at if at % 50 else max(0, at - 30)}"
        number = int(name[1:])
        payload = {
            "orderId": name,
            "account": f"A{number % 6}",
            "symbol": "X",
            "side": "buy",
            "status": "CANCELED",
            "quantity": str(number),
        }
        when = 1_767_366_245_000_000_000 + number // 200
        values.append(compact(event("orders.updates", "ORDER_CANCELLED", f"order|{name}", when, payload)))
        places.append(partition_of(f"A{number % 6}".encode(), partitions))
    writer.write(Records("orders.updates", places, [b"k"] * count, values))
    writer.flush()
    writer.close()
    bus.close()


@pytest.fixture(scope="module")
def full_bus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bus with what a market run made, and with orders that tie."""
    url, folder = f"embedded:{tmp_path_factory.mktemp('bus')}", tmp_path_factory.mktemp("recovery")
    create_topics(url)
    write_control(url, "control.limits", b"band", LIMIT)
    market = Simulator(60, rate=2_000, seed=11, law=Law(zipf=0.4, volatility=(2.0, 4.0)))
    write_heartbeats(url, write_ticks(url, market.blocks(20_000, 5_000)) + 120 * SECOND_NS)
    run_market(url, folder, 1, *FAST)
    write_orders(url, 3_000)
    return url


def test_killed_again_and_again_the_bucket_holds_the_events(full_bus: str, influxdb: InfluxAddress, tmp_path: Path) -> None:
    bucket, rng, kills = influxdb.new_bucket(), random.Random(SEED), 0
    arguments = (*to_influxdb(influxdb, bucket), "--set", "engine.epoch_interval=100ms", "--set", "engine.max_batch=60")
    while True:
        run = start_market(full_bus, tmp_path, rng.choice([1, 2, 3]), *arguments, flows=["influxdb"])
        if kills < KILLS and killed(run, rng):
            kills += 1
            continue
        finished(run)
        break
    assert kills >= 2, "the run came to its end before it was killed often enough"
    assert stored(influxdb, bucket) == expected(on_the_bus(full_bus))
    run_market(full_bus, tmp_path / "anew", 2, *to_influxdb(influxdb, bucket), flows=["influxdb"])
    assert stored(influxdb, bucket) == expected(on_the_bus(full_bus)), "delivering all again changes nothing"


def killed(run: subprocess.Popen[bytes], rng: random.Random) -> bool:
    """Kill one of the family at some moment of its work; False if it ended before."""
    try:
        run.wait(rng.uniform(0.8, 2.5))
    except subprocess.TimeoutExpired:
        for victim in {rng.choice(family(run)), run.pid}:
            kill(victim)
        run.communicate()
        return True
    return False


def test_a_server_that_is_killed_under_a_live_run(full_bus: str, own_influxdb: InfluxServer, tmp_path: Path) -> None:
    address = own_influxdb.address
    bucket, said = address.new_bucket(), ""
    run = start_market(
        full_bus, tmp_path, 2, *to_influxdb(address, bucket), "--set", "engine.max_batch=50", until_end=False, flows=["influxdb"]
    )
    try:
        wait_until(lambda: sum(stored(address, bucket).values()) > 50, "something came")
        own_influxdb.kill()
        write_orders(full_bus, 600)  # again: nothing new, but something to send
        said = said_until(run, "InfluxDB does not take points")
        own_influxdb.start()
        wanted = expected(on_the_bus(full_bus))
        wait_until(lambda: stored(address, bucket) == wanted, "all came")
    finally:
        run.terminate()
        said += finished(run)
    assert stored(address, bucket) == wanted
    assert 1 <= said.count("InfluxDB does not take points") <= 2, "each process says it once"
    assert 1 <= said.count("InfluxDB takes points again") <= 2


def said_until(run: subprocess.Popen[bytes], words: str) -> str:
    """What it says on stderr, up to a line with these words."""
    assert run.stderr is not None
    said = ""
    while words not in said:
        line = run.stderr.readline().decode()
        assert line, f"it ended without saying so: {said}"
        said += line
    return said


def test_what_is_no_point_becomes_a_dead_letter_once(influxdb: InfluxAddress, tmp_path: Path) -> None:
    url, bucket = f"embedded:{tmp_path / 'bus'}", influxdb.new_bucket()
    create_topics(url)
    write_orders(url, 3)
    bus = open_bus(url)
    writer = bus.writer()
    writer.write(Records("orders.updates", [0], [b"k"], [b"{"]))
    writer.flush()
    writer.close()
    bus.close()
    for folder in ("first", "again"):
        run_market(url, tmp_path / folder, 1, *to_influxdb(influxdb, bucket), flows=["influxdb"])
    assert sum(stored(influxdb, bucket).values()) == 3
    letters = events(url, "dead.letters")
    assert {letter["header"]["source"] for letter in letters} == {"influxdb"}
    assert len({letter["header"]["eventId"] for letter in letters}) == 1
    assert [letter["payload"]["reason"] for letter in letters] == ["malformed"] * 2
    assert len({compact(letter) for letter in letters}) == 1, "one id has one content"


def test_a_session_queried_back_is_the_reference(influxdb: InfluxAddress, tmp_path: Path) -> None:
    url, bucket = f"embedded:{tmp_path / 'bus'}", influxdb.new_bucket()
    create_topics(url)
    write_heartbeats(url, write_ticks(url, [amzn.trades()]) + DAY_NS)
    run_market(url, tmp_path / "recovery", 1, "--set", "market.intervals=4s")
    run_market(url, tmp_path / "recovery", 1, *to_influxdb(influxdb, bucket), flows=["influxdb"])
    flux = f"""from(bucket: "{bucket}") |> range(start: 2012-06-21T00:00:00Z, stop: 2012-06-22T00:00:00Z)
      |> filter(fn: (r) => r._measurement == "market_bars" and r.symbol == "AMZN" and r.interval == "4s")
      |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> sort(columns: ["_time"])"""
    rows = influxdb.rows(flux)
    names = ("open", "high", "low", "close", "volume")
    assert [(parse_time(row["_time"]), *(float(row[name]) for name in names)) for row in rows] == amzn.bars()
    assert sum(int(row["trade_count"]) for row in rows) == 11_419
