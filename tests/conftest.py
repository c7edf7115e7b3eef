"""What every test may use: real servers, and hypothesis profiles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import hypothesis
import pytest

from tests.servers import ServerMissing, influxdb_install, must_not_skip
from tests.servers import influxdb as influxdb_server
from tests.servers import influxdb_1 as influxdb_1_server
from tests.servers import kafka as kafka_server
from tests.servers import postgres as postgres_server
from tests.servers import prometheus as prometheus_server
from tests.servers.influxdb import InfluxAddress, InfluxServer
from tests.servers.influxdb_1 import Influx1Server
from tests.servers.kafka import KILLED_SESSION_MS, STEADY_SESSION_MS, Broker
from tests.servers.postgres import PostgresAddress, PostgresServer
from tests.servers.prometheus import PromqlAddress
from tests.servers.server import AnyServer

INFLUXDB = ("influxdb", "own_influxdb", "influxdb_1")
"""Fixtures that may have to wait for a build."""

Address = TypeVar("Address")


class StartServer(Protocol):
    """What the fixture ``start_server`` gives."""

    def __call__(self, own_server: Callable[[], AnyServer]) -> AnyServer: ...


hypothesis.settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if must_not_skip() else "dev"))


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """A running broker that all tests share: make topics of your own, with names of your own."""

    bootstrap: str


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaAddress]:
    """The broker that the whole session shares; no test stops it.

    A test that asks for it only by ``request.getfixturevalue`` needs ``@pytest.mark.kafka``, or every xdist worker starts a broker.
    """
    given = os.environ.get("TRADEMASTER_TEST_KAFKA")
    if given:
        kafka_server.wait_until_ready(given)
        yield KafkaAddress(given)
        return
    with _started(lambda: kafka_server.own_server(session_ms=STEADY_SESSION_MS)) as server:
        yield KafkaAddress(server.bootstrap)


@pytest.fixture
def own_kafka() -> Iterator[Broker]:
    """A broker for one test, which may stop, kill, freeze and restart it. It costs some four seconds."""
    with _started(lambda: kafka_server.own_server(session_ms=KILLED_SESSION_MS)) as server:
        yield server


@pytest.fixture(scope="session")
def influxdb() -> Iterator[InfluxAddress]:
    """The InfluxDB 2 that a worker's tests share: make a bucket of your own; no test stops it."""
    yield from _shared(influxdb_server.given, influxdb_server.own_server, lambda server: server.address)


@pytest.fixture
def own_influxdb() -> Iterator[InfluxServer]:
    """An InfluxDB for one test, which may stop, kill, freeze and restart it. It costs half a second."""
    with _started(influxdb_server.own_server) as server:
        yield server


@pytest.fixture(scope="session")
def influxdb_1() -> Iterator[Influx1Server]:
    """The InfluxDB 1.8 that a worker's tests share: make a database of your own; no test stops it. It takes some seconds."""
    with _started(influxdb_1_server.own_server) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresAddress]:
    """The PostgreSQL that a worker's tests share: make a database of your own; no test stops it."""
    yield from _shared(postgres_server.given, postgres_server.own_server, lambda server: server.address)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for one test, which may stop, kill, freeze and restart it. It costs a second."""
    with _started(postgres_server.own_server) as server:
        yield server


@pytest.fixture(scope="session")
def victoriametrics() -> Iterator[PromqlAddress]:
    """The VictoriaMetrics that a worker's tests share: write measurements of your own; no test stops it."""
    yield from _shared(prometheus_server.given_victoria, prometheus_server.own_victoria, lambda server: server.address)


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Starts servers that a test makes itself, and closes them after it."""
    with ExitStack() as closing:

        def start(own_server: Callable[[], AnyServer]) -> AnyServer:
            return closing.enter_context(_started(own_server))

        yield start


def _shared(
    given: Callable[[], Address | None], own_server: Callable[[], AnyServer], address: Callable[[AnyServer], Address]
) -> Iterator[Address]:
    """The server that the environment names, else one of our own."""
    found = given()
    if found is not None:
        yield found
        return
    with _started(own_server) as server:
        yield address(server)


@contextmanager
def _started(own_server: Callable[[], AnyServer]) -> Iterator[AnyServer]:
    """A server of one's own; where it cannot be had the test is left out, in CI it fails."""
    try:
        server = own_server()
    except ServerMissing as error:
        if must_not_skip():
            pytest.fail(f"CI must not leave tests out. {error}")
        pytest.skip(str(error))
    try:
        server.start()
        yield server
    finally:
        server.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use Kafka run on one xdist worker (``--dist loadgroup``): one shared broker, and two cores are enough.

    Tests that use an InfluxDB which is still being built come last, and may wait for it.
    """
    for item in items:
        if _uses(item, "kafka", "own_kafka") or item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.kafka)
            item.add_marker(pytest.mark.xdist_group("kafka"))
    if not influxdb_install.is_ready():
        for item in items:
            if _uses(item, *INFLUXDB):
                item.add_marker(pytest.mark.timeout(influxdb_install.WAIT_SECONDS + 600), append=False)
        items.sort(key=lambda item: _uses(item, *INFLUXDB))


def _uses(item: pytest.Item, *fixtures: str) -> bool:
    return not set(fixtures).isdisjoint(getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason what was left out, and how to get it."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        text = reason.removeprefix("Skipped: ")
        reasons[text] = reasons.get(text, 0) + 1
    for text, count in reasons.items():
        terminalreporter.write_line(f"left out {count} {'test' if count == 1 else 'tests'}: {text}")
