"""Buses that a module of tests has for itself: flows write to topics whose names are fixed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.running import create_topics
from tests.servers import ServerMissing, must_not_skip
from tests.servers.kafka import STEADY_SESSION_MS, Broker, own_server


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Broker]:
    """A broker of this module's own. A test that uses it needs ``@pytest.mark.kafka``."""
    try:
        server = own_server(session_ms=STEADY_SESSION_MS)
    except ServerMissing as error:
        if must_not_skip():
            pytest.fail(f"CI must not leave tests out. {error}")
        pytest.skip(str(error))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def own_bus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a bus with all topics, empty."""
    if request.param == "embedded":
        url = f"embedded:{tmp_path_factory.mktemp('bus')}"
    else:
        url = f"kafka://{request.getfixturevalue('own_broker').bootstrap}"
    create_topics(url)
    return url
