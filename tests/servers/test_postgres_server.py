"""PostgreSQL for tests: what was committed outlives a kill, and each test has a database of its own."""

from __future__ import annotations

import pytest

from tests.servers import postgres
from tests.servers.postgres import PostgresAddress, PostgresServer


def test_each_database_is_empty_and_another(postgres: PostgresAddress) -> None:
    first, second = postgres.new_database(), postgres.new_database()
    assert first != second
    for url in (first, second):
        PostgresAddress(url).run("CREATE TABLE same_name (x int)")


def test_what_was_committed_outlives_a_kill_on_the_same_address(own_postgres: PostgresServer) -> None:
    before = own_postgres.address
    before.run("CREATE TABLE kept (x int PRIMARY KEY); INSERT INTO kept VALUES (1)")
    own_postgres.restart(hard=True)
    assert own_postgres.address == before
    with pytest.raises(RuntimeError, match="duplicate key"):
        before.run("INSERT INTO kept VALUES (1)")


def test_a_stop_ends_sessions_and_refuses_new_ones(own_postgres: PostgresServer) -> None:
    own_postgres.stop()
    with pytest.raises(OSError, match="refused"):
        own_postgres.address.run("SELECT 1")


def test_an_address_in_the_environment_comes_first(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEMASTER_TEST_POSTGRES", own_postgres.address.url)
    assert postgres.given() == own_postgres.address
