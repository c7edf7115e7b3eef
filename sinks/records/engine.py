"""Opens the database of the records by its URL: SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from schemas.errors import SettingsError
from sinks.records.types import add_decimal_functions

_HINT = "write for example sqlite:///data/records.db or postgresql://user:password@host:5432/database"

_LOCK_TIMEOUT_MS = 10_000
_POSTGRES = {
    "connect_timeout": 10,
    "application_name": "trademaster",
    # A server that is gone without a word is noticed within a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def parse_records_url(text: str) -> URL:
    """A URL with its driver. The message of an error never shows it: it may hold a password.

    Raises:
        SettingsError: it is none of SQLite or PostgreSQL.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError("records.url: expected a URL of a database, found what cannot be read as one", hint=_HINT) from None
    if url.host and "@" in url.host:
        raise SettingsError("records.url: expected one @, found several", hint="write the @ of a user or a password as %40")
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise SettingsError(f"records.url: expected sqlite or postgresql, found {url.drivername!r}", hint=_HINT)
    if not url.database or url.database == ":memory:":
        raise SettingsError("records.url: expected a file, found a database in memory, which ends with the process", hint=_HINT)
    return url


def open_records(text: str, *, busy_timeout_s: float = 1.0) -> Engine:
    """An engine whose transactions write; connects when it is first used. The folder of an SQLite file is made.

    Args:
        text: the URL.
        busy_timeout_s: how long SQLite waits for somebody else's lock before it says that the file is locked.

    Raises:
        SettingsError: the URL cannot be read, or its folder cannot be made.
    """
    url = parse_records_url(text)
    if url.drivername != "sqlite":
        engine = create_engine(url, pool_size=1, max_overflow=1, connect_args={**_POSTGRES, **url.query}, hide_parameters=True)
        event.listen(engine, "connect", _connected_to_postgres)
        return engine
    folder = Path(str(url.database)).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"records.url: expected a folder {folder}, found {error.strerror}", hint="name another file") from None
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s}, hide_parameters=True)
    event.listen(engine, "connect", _connected_to_sqlite)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def open_records_to_read(text: str) -> Engine:
    """As ``open_records``, for who only reads: transactions write nothing, and wait for no writer. No file is made.

    Raises:
        SettingsError: the URL cannot be read.
    """
    url = parse_records_url(text)
    if url.drivername != "sqlite":
        engine = create_engine(url, connect_args={**_POSTGRES, **url.query}, hide_parameters=True, pool_pre_ping=True)
        event.listen(engine, "connect", _reads_postgres)
        return engine.execution_options(postgresql_readonly=True)
    path = quote(str(Path(str(url.database)).absolute()))
    engine = create_engine(url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"}), hide_parameters=True)
    event.listen(engine, "connect", _reads_sqlite)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _connected_to_postgres(connection: Any, _record: Any) -> None:
    """A lock that somebody keeps ends in an error, which is told and tried again, instead of in silence."""
    connection.execute(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}")
    connection.commit()


def _reads_postgres(connection: Any, _record: Any) -> None:
    """To compile a query of a page takes far longer than to answer it."""
    connection.execute("SET jit = off")
    connection.commit()


def _connected_to_sqlite(connection: Any, _record: Any) -> None:
    """A commit is on the disk: the bus forgets that it was read."""
    connection.isolation_level = None  # the library would begin transactions where it thinks fit, and none for tables
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    add_decimal_functions(connection)


def _reads_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    add_decimal_functions(connection)
