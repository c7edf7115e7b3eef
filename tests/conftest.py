"""What every test may use: a real Kafka, and hypothesis profiles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import hypothesis
import pytest

from tests.servers import ServerMissing, must_not_skip
from tests.servers.kafka import KILLED_SESSION_MS, STEADY_SESSION_MS, Broker, own_server, wait_until_ready

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
        wait_until_ready(given)
        yield KafkaAddress(given)
        return
    server = _started(STEADY_SESSION_MS)
    yield KafkaAddress(server.bootstrap)
    server.close()


@pytest.fixture
def own_kafka() -> Iterator[Broker]:
    """A broker for one test, which may stop, kill, freeze and restart it. It costs some four seconds."""
    server = _started(KILLED_SESSION_MS)
    yield server
    server.close()


def _started(session_ms: int) -> Broker:
    try:
        server = own_server(session_ms=session_ms)
    except ServerMissing as error:
        if must_not_skip():
            pytest.fail(f"CI must not leave tests out. {error}")
        pytest.skip(str(error))
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use Kafka run on one xdist worker (``--dist loadgroup``): one shared broker, and two cores are enough."""
    for item in items:
        uses = {"kafka", "own_kafka"} & set(getattr(item, "fixturenames", ()))
        if uses or item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.kafka)
            item.add_marker(pytest.mark.xdist_group("kafka"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason what was left out, and how to get it."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        text = reason.removeprefix("Skipped: ")
        reasons[text] = reasons.get(text, 0) + 1
    for text, count in reasons.items():
        terminalreporter.write_line(f"left out {count} {'test' if count == 1 else 'tests'}: {text}")
