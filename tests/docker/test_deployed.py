"""What the containers run, run as plain processes with real servers: commands, settings and checks are those of ``docker/compose.yaml``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy

from schemas.times import MINUTE_NS, parse_time
from tests.conftest import StartServer
from tests.docker.composed import FOLDER, SECRETS, ours
from tests.engine.running import events
from tests.servers import influxdb as influxdb_server
from tests.servers import kafka as kafka_server
from tests.servers import postgres as postgres_server
from tests.servers.influxdb import InfluxAddress
from tests.servers.kafka import STEADY_SESSION_MS
from tests.servers.server import free_ports, wait_until
from tests.trademaster.dashboards import session

PAGE = "9100"
STEADY_S = 240.0
"""Most of it is patience with a machine that does much else."""


@dataclass(slots=True)
class Deployment:
    """The services that run, as processes."""

    folder: Path
    addresses: Mapping[str, str]
    """What stands in the file, and what it is here."""
    influxdb: InfluxAddress
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def bus(self) -> str:
        return f"kafka://{self.addresses['kafka:9092']}"

    def start(self, name: str, service: Mapping[str, Any]) -> None:
        """Start a service; one that is over when it is done must end well."""
        (self.folder / name).mkdir()
        self.pages[name] = str(free_ports(1)[0])
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "trademaster", *service["command"]]
            self.running[name] = subprocess.Popen(
                command, cwd=self.folder / name, env=self._environment(name, service), stdout=log, stderr=log
            )
        if service["restart"] == "no":
            assert self.running.pop(name).wait(120) == 0, self.log(name)

    def is_healthy(self, name: str, service: Mapping[str, Any]) -> bool:
        """Its own check, at its own page."""
        kind, program, *words = service["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "python")
        return (
            subprocess.run([sys.executable, *(self._here(name, word) for word in words)], capture_output=True, check=False).returncode == 0
        )

    def stop(self, name: str) -> None:
        """As `docker stop` does, within the time that the file gives."""
        process = self.running.pop(name)
        process.terminate()
        assert process.wait(60) == 0, self.log(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-3000:]

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def _environment(self, name: str, service: Mapping[str, Any]) -> dict[str, str]:
        here = {variable: os.environ[variable] for variable in ("PATH", "HOME", "XDG_CACHE_HOME") if variable in os.environ}
        return {**here, "PYTHONPATH": str(FOLDER.parent), **{key: self._here(name, value) for key, value in service["environment"].items()}}

    def _here(self, name: str, text: str) -> str:
        for there, here in {**self.addresses, PAGE: self.pages[name]}.items():
            text = text.replace(there, here)
        return text


@pytest.fixture
def deployment(start_server: StartServer, tmp_path: Path) -> Iterator[Deployment]:
    broker = start_server(lambda: kafka_server.own_server(session_ms=STEADY_SESSION_MS))
    influxdb = start_server(influxdb_server.own_server).address
    postgres = start_server(postgres_server.own_server).address
    addresses = {
        "kafka:9092": broker.bootstrap,
        "http://influxdb:8086": influxdb.url,
        SECRETS["INFLUXDB_TOKEN"]: influxdb.token,
        "postgres:5432": postgres.url.split("@")[1].split("/")[0],
    }
    made = Deployment(tmp_path, addresses, influxdb)
    with ExitStack() as closing:
        closing.callback(made.close)
        yield made


def in_order(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names, each after those of ours that it depends on."""
    done: list[str] = []
    while len(done) < len(services):
        ready = [
            name
            for name, one in services.items()
            if name not in done and not (one.get("depends_on", {}).keys() & services.keys()) - {*done}
        ]
        assert ready, "services wait for each other"
        done += ready
    return done


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_the_platform_as_deployed_stores_everything_it_says(deployment: Deployment) -> None:
    services = ours(INFLUXDB_RETENTION="off")
    for name in in_order(services):
        deployment.start(name, services[name])
    for name in deployment.running:
        wait_until(lambda name=name: deployment.is_healthy(name, services[name]), seconds=STEADY_S, every_s=1.0, what=f"health of {name}")  # type: ignore[misc]
    last_ns = _feed(deployment)
    wait_until(lambda: _has_closed(deployment.bus, last_ns), seconds=STEADY_S, every_s=1.0, what="the last minute's bar")
    deployment.stop("flows")
    said = {topic: events(deployment.bus, topic) for topic in ("market.bars", "risk.alerts", "orders.updates")}
    assert said["market.bars"]
    assert said["orders.updates"]
    _eventually(lambda: _bars_of_influxdb(deployment.influxdb), {_bar(event["payload"]) for event in said["market.bars"]})
    _eventually(lambda: _ids_of_records(deployment), {event["header"]["eventId"] for event in said["orders.updates"]})
    _eventually(lambda: _ids_of_archive(deployment.folder), {event["header"]["eventId"] for topic in said.values() for event in topic})
    for name in list(deployment.running):
        deployment.stop(name)


def _feed(deployment: Deployment) -> int:
    """Ticks, orders, accounts and limits by the program's own command; the time of the last tick."""
    lines = deployment.folder / "session.jsonl"
    lines.write_bytes(session.lines())
    command = [sys.executable, "-m", "trademaster", "ingest", "jsonl", str(lines), "--bus", deployment.bus, "--quiet"]
    subprocess.run(command, cwd=deployment.folder, env={**os.environ, "PYTHONPATH": str(FOLDER.parent)}, check=True, timeout=120)
    return session.last_tick_ns()


def _has_closed(bus: str, last_ns: int) -> bool:
    bars = (event["payload"] for event in events(bus, "market.bars"))
    return any(bar["interval"] == "1m" and parse_time(bar["start"]) == last_ns // MINUTE_NS * MINUTE_NS for bar in bars)


def _eventually(stored: Callable[[], set[Any]], said: set[Any]) -> None:
    """Nothing is missing in the end, and nothing is there that nobody said."""
    found: set[Any] = set()

    def all_there() -> bool:
        nonlocal found
        found = stored()
        assert found <= said
        return found == said

    try:
        wait_until(all_there, seconds=STEADY_S, every_s=1.0, what="everything that was said")
    except TimeoutError:
        pytest.fail(f"{len(said - found)} of {len(said)} are missing, such as {list(said - found)[:3]}")


def _bar(bar: Mapping[str, Any]) -> tuple[Any, ...]:
    return (bar["interval"], parse_time(bar["end"]), *(float(bar[name]) for name in ("open", "high", "low", "close", "volume")))


def _bars_of_influxdb(address: InfluxAddress) -> set[tuple[Any, ...]]:
    pivot = 'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
    rows = address.rows(f'from(bucket: "trademaster") |> range(start: 0) |> filter(fn: (r) => r._measurement == "market_bars") |> {pivot}')
    return {_bar({**row, "end": row["_time"]}) for row in rows}


def _ids_of_records(deployment: Deployment) -> set[str]:
    url = f"postgresql+psycopg://trademaster@{deployment.addresses['postgres:5432']}/trademaster"
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return set(connection.execute(sqlalchemy.text("SELECT event_id FROM order_updates")).scalars())
    finally:
        engine.dispose()


def _ids_of_archive(folder: Path) -> set[str]:
    topics = ("market.bars", "risk.alerts", "orders.updates")
    files = [file for topic in topics for file in (folder / "deliver-archive").rglob(f"topic={topic}/**/*.parquet")]
    return {event_id for file in files for event_id in pl.read_parquet(file, columns=["event_id"])["event_id"].to_list()}
