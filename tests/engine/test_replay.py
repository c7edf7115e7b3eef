"""What happened is replayed: flows that run on it say what they said, with the same ids and the same content."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.bus import Records
from schemas.partitioning import partition_of
from schemas.symbols import SYMBOLS
from schemas.times import format_time
from sources.simulator import Law, Simulator
from tests.engine.books import latest
from tests.engine.running import by_id, command, events, run_market, write_control, write_heartbeats, write_ticks
from trademaster.bus import open_bus, with_prefix
from trademaster.bus.reading import read_to_end

SECONDS = 30
MINUTE_NS = 60_000_000_000
TRADED = ("market", "orders", "paper", "portfolio")
REPLAYED = ("market", "orders", "portfolio")
"""Without the exchange: its reports are among what is replayed."""


@pytest.fixture(scope="module")
def traded(own_bus: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bus on which half a minute was traded."""
    market = Simulator(5, rate=100, seed=11, law=Law(zipf=0.2, volatility=(0.5, 1.0)))
    blocks = list(market.blocks(SECONDS * 100, 100))
    newest = write_ticks(own_bus, blocks)
    write_heartbeats(own_bus, newest + MINUTE_NS)
    for account in ("ACC1", "ACC2"):
        write_control(own_bus, "control.accounts", account.encode(), json.dumps({"account": account, "cash": "1000000"}).encode())
    limit = {"limitId": "L", "rule": "position", "scope": "account", "account": "ACC2", "threshold": "60"}
    write_control(own_bus, "control.limits", b"L", json.dumps(limit).encode())
    _place(own_bus, [(int(block["time"][-1]), SYMBOLS.names[block["symbol"][-1]]) for block in blocks])
    run_market(own_bus, tmp_path_factory.mktemp("recovery"), 1, flows=TRADED)
    return own_bus


def _place(url: str, moments: Sequence[tuple[int, str]]) -> None:
    bus = open_bus(url)
    writer, partitions = bus.writer(), len(bus.partitions("orders.commands"))
    for number, (time_ns, symbol) in enumerate(moments):
        account, name = f"ACC{number % 2 + 1}", f"O{number}"
        order = {"command": "place", "account": account, "orderId": name, "symbol": symbol, "side": "sell" if number % 3 else "buy"}
        payload = {**order, "quantity": str(10 + number), "orderType": "market", "idempotencyKey": name}
        header = {"eventId": name, "correlationId": name, "eventType": "ORDER_COMMAND", "priority": 2, "source": "test", "version": "1"}
        value = json.dumps({"header": {**header, "timestamp": format_time(time_ns)}, "payload": payload}).encode()
        writer.write(Records("orders.commands", [partition_of(account.encode(), partitions)], [name.encode()], [value]))
    writer.flush()
    writer.close()
    bus.close()


def replay(*arguments: str) -> bytes:
    done = subprocess.run(command("replay", *arguments), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def agrees(live: Sequence[Mapping[str, Any]], again: Sequence[Mapping[str, Any]]) -> int:
    """One content an id, over both; how many ids both have."""
    known, found = by_id(live), by_id(again)
    by_id([*live, *again])
    return len(known.keys() & found.keys())


@pytest.fixture(scope="module")
def archived(traded: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The archive of that bus."""
    url = str(tmp_path_factory.mktemp("archive"))
    run_market(traded, tmp_path_factory.mktemp("recovery"), 1, "--set", f"archive.url={url}", flows=("archive",))
    return url


@pytest.mark.parametrize("way", ["another bus", "a prefix", "the archive"])
def test_flows_on_a_replay_say_what_they_said(traded: str, request: pytest.FixtureRequest, tmp_path: Path, way: str) -> None:
    beside = way == "a prefix"
    source = ("--archive", request.getfixturevalue("archived")) if way == "the archive" else ("--bus", traded)
    target = with_prefix(traded, f"again{tmp_path.name}.") if beside else f"embedded:{tmp_path}/again"
    replay(*source, *(("--prefix", f"again{tmp_path.name}.") if beside else ("--to-bus", target)))
    if beside:
        subprocess.run(command("topics", "create", "--bus", target), check=True, capture_output=True, timeout=60)
    run_market(target, tmp_path / "recovery", 1, flows=REPLAYED)

    bars = by_id(events(traded, "market.bars"))
    assert by_id(events(target, "market.bars")) == bars
    assert len(bars) > SECONDS
    assert agrees(events(traded, "market.marks"), events(target, "market.marks"))
    updates = by_id(events(traded, "orders.updates"))
    assert by_id(events(target, "orders.updates")) == updates
    assert {"FILLED", "REJECTED"} <= {update["payload"]["status"] for update in updates.values()}
    positions = latest(events(traded, "portfolio.positions"), "account", "symbol")
    assert latest(events(target, "portfolio.positions"), "account", "symbol") == positions
    assert len(positions) > 5
    assert not events(target, "dead.letters")


@pytest.mark.parametrize(
    "what",
    [
        (),
        ("--from", "2026-01-02T14:30:07.5", "--to", "2026-01-02T14:30:21"),
        ("--keys", "SIM0002,ACC1"),
        ("--topics", "orders.updates,market.bars", "--to", "2026-01-02T14:30:21"),
    ],
    ids=" ".join,
)
def test_the_archive_gives_what_the_bus_gives(traded: str, archived: str, what: tuple[str, ...]) -> None:
    lines = replay("--archive", archived, *what).splitlines()
    assert lines == replay("--bus", traded, *what).splitlines()
    assert lines


def test_a_replay_into_a_pipe_gives_the_same_each_time(traded: str) -> None:
    def piped() -> bytes:
        lines = replay("--bus", traded)
        done = subprocess.run(command("pipe", *REPLAYED), input=lines, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    once = piped()
    assert once == piped()
    said = [json.loads(line) for line in once.splitlines()]
    bars = by_id([line["value"] for line in said if line["topic"] == "market.bars"])
    assert bars == by_id(events(traded, "market.bars"))
    positions = latest([line["value"] for line in said if line["topic"] == "portfolio.positions"], "account", "symbol")
    assert positions == latest(events(traded, "portfolio.positions"), "account", "symbol")


def test_an_hour_that_nobody_asked_for_stays(traded: str, tmp_path: Path) -> None:
    """Two ranges, one after another into one bus, are the whole."""
    target, between = f"embedded:{tmp_path}/again", "2026-01-02T14:30:10"
    replay("--bus", traded, "--to-bus", target, "--topics", "market.ticks", "--to", between)
    replay("--bus", traded, "--to-bus", target, "--topics", "market.ticks", "--from", between, "--append")
    assert _by_partition(target) == _by_partition(traded)


def _by_partition(url: str) -> dict[int, list[tuple[bytes | None, bytes]]]:
    bus = open_bus(url)
    found: dict[int, list[tuple[bytes | None, bytes]]] = {}
    for batch in read_to_end(bus, "market.ticks", with_keys=True):
        for partition, key, value in zip(batch.partition.tolist(), batch.keys or [], batch.values(), strict=True):
            found.setdefault(partition, []).append((key, value))
    bus.close()
    return found


def test_what_is_written_to_must_be_another(traded: str, tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        done = subprocess.run(command("replay", *arguments), capture_output=True, timeout=120, check=False)
        assert done.returncode == 2
        return done.stderr.decode()

    assert "expected --to-bus to be another bus" in refused("--bus", traded, "--to-bus", traded)
    target = f"embedded:{tmp_path}/again"
    replay("--bus", traded, "--to-bus", target, "--topics", "market.ticks")
    assert "expected topic market.ticks to be empty" in refused("--bus", traded, "--to-bus", target, "--topics", "market.ticks")
    assert "expected --from before --to" in refused("--bus", traded, "--from", "2026-01-03", "--to", "2026-01-02")
    assert "expected a time" in refused("--bus", traded, "--from", "noon")
    assert "market.tikcs" in refused("--bus", traded, "--topics", "market.tikcs")
