"""The tables are what the migrations make, whoever comes first."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import sinks
from schemas.errors import StoreError
from sinks.records.engine import open_records
from sinks.records.schema import HEAD, log_number, migrate
from sinks.records.tables import METADATA
from sinks.sql import prepare_records


def test_migrations_make_the_tables_as_they_are_used(records_url: str) -> None:
    assert prepare_records(records_url) is None
    engine = open_records(records_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": "records_version"})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_the_head_is_the_newest_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(sinks.__file__).parent / "records" / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_of_several_processes_one_makes_the_tables_and_all_agree_on_logs(records_url: str) -> None:
    engines = [open_records(records_url, busy_timeout_s=20.0) for _ in range(4)]

    def start(number: int) -> tuple[str | None, int]:
        before = migrate(engines[number])
        return before, log_number(engines[number], f"log {number % 2}")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(start, range(4)))
    assert sorted(before or "" for before, _ in found) == ["", HEAD, HEAD, HEAD]
    assert {found[0][1], found[1][1]} == {1, 2}
    assert [number for _, number in found[:2]] == [number for _, number in found[2:]]
    for engine in engines:
        engine.dispose()


def test_tables_of_a_newer_program_are_left_alone(records_url: str) -> None:
    prepare_records(records_url)
    engine = open_records(records_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE records_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StoreError, match="step 9999") as caught:
        prepare_records(records_url)
    assert "update it" in caught.value.hint


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Somebody's own table is in the way of the last one."""
    path = tmp_path / "records.db"
    with sqlite3.connect(path) as own:
        own.execute("CREATE TABLE positions_daily (mine)")
    own.close()
    with pytest.raises(Exception, match="positions_daily"):
        prepare_records(f"sqlite:///{path}")
    found = sqlite3.connect(path)
    assert found.execute("SELECT name FROM sqlite_master").fetchall() == [("positions_daily",)]
    found.close()
