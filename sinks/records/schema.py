"""Makes and changes the tables of the records, by one process at a time."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, text

from schemas.errors import StoreError
from sinks.records.tables import BUS_LOGS

HEAD = "0001"
"""The newest step of ``sinks/records/migrations``; a test compares."""

_LOCK = 0x7472_6164_6572_6563  # "traderec"


def migrate(engine: Engine) -> str | None:
    """Bring the tables to the newest form; the step they were at before, None: there were none.

    All or nothing, and one process after another: PostgreSQL by an advisory lock, SQLite by its lock on the file.

    Raises:
        StoreError: a newer program made them.
    """
    with engine.begin() as connection:
        _lock(connection)
        before = _version(connection)
        if before != HEAD:
            _upgrade(connection, before)
    return before


def log_number(engine: Engine, identity: str) -> int:
    """The number of a log; a new one gets the next."""
    with engine.begin() as connection:
        _lock(connection)
        known = select(BUS_LOGS.c.bus_log).where(BUS_LOGS.c.identity == identity)
        found = connection.execute(known).scalar()
        if found is None:
            found = 1 + (connection.execute(select(func.max(BUS_LOGS.c.bus_log))).scalar() or 0)
            connection.execute(BUS_LOGS.insert().values(bus_log=found, identity=identity))
    return int(found)


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("records_version"):
        return None
    return connection.execute(text("SELECT version_num FROM records_version")).scalar()


def _upgrade(connection: Connection, before: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None and before not in known:
        raise StoreError(
            f"expected records of at most step {HEAD}, found those of step {before}",
            hint="a newer version of this program made them: update it, or name another database in records.url",
        )
    command.upgrade(config, "head")
