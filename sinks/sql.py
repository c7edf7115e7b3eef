"""The records in SQL: orders, executions, daily positions, alerts, audit and changes of limits, in SQLite or PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from schemas.bus import Batch
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord, SettingsError, StoreError
from schemas.events import Place
from schemas.store import Opening
from sinks.outage import Outage
from sinks.records.engine import open_records
from sinks.records.faults import Fault, fault_of, is_locked, told
from sinks.records.rows import Record, Stored, read_rows
from sinks.records.schema import log_number, migrate
from sinks.records.writing import store_rows

T = TypeVar("T")


LOCKED_S = 10.0
"""How long somebody else may have an SQLite file when a run starts."""

MAX_BYTES = 16 * 1024 * 1024
"""Most bytes of records that are kept back."""


class _Pending(NamedTuple):
    """A record that is not stored yet."""

    record: Record
    rows: list[Stored]


def place_of(engine: Engine) -> str:
    """Where the records are, without a password and what follows the database's name."""
    url = engine.url
    if url.drivername == "sqlite":
        return str(url.database)
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"


def prepare_records(url: str) -> str | None:
    """Connect once, make or migrate the tables: what a command does before it leaves the rest to the run.

    Returns:
        The step that the tables were at before; None: there were none.

    Raises:
        SettingsError: nobody answers there, or not to this user; the message has no password.
        StoreError: a newer program made the tables.
    """
    engine = open_records(url)
    patient_until_s = time.monotonic() + LOCKED_S
    try:
        while True:
            try:
                return migrate(engine)
            except SQLAlchemyError as error:
                if not is_locked(error) or time.monotonic() > patient_until_s:
                    raise
                time.sleep(0.05)
    except (SQLAlchemyError, OSError) as error:
        raise SettingsError(
            f"records.url: expected a database at {place_of(engine)}, found: {told(error)}",
            hint="check host, port, user, password and database of records.url, and that the server runs",
        ) from None
    finally:
        engine.dispose()


class SqlStore:
    """Keeps at most ``max_rows`` records and MAX_BYTES of them back, and stores them in one transaction. Not thread-safe; one owner.

    Args:
        url: of the database; its tables are made where they are missing.
        opening: what the engine says.
        max_rows: most records of a transaction.
        max_wait_s: least time between transactions that hold little. ``write`` waits for it, so that what it took is soon to be read.

    Raises:
        SettingsError, StoreError: it can never work as it is set up. While the database is only out of reach the constructor waits.
    """

    def __init__(self, url: str, opening: Opening, *, max_rows: int = 5_000, max_wait_s: float = 0.02) -> None:
        self._engine = open_records(url)
        self._stopping = opening.stopping
        self._max_rows = max_rows
        self._max_wait_s = max_wait_s
        self._outage = Outage("records", place_of(self._engine), opening.stopping)
        self._pending: list[_Pending] = []
        self._pending_bytes = 0
        self._stored_s = 0.0
        self._patiently(lambda: migrate(self._engine))
        self._log = self._patiently(lambda: log_number(self._engine, opening.log))

    def write(self, batch: Batch) -> Sequence[Reject]:
        """As of ``Store``."""
        rejects: list[Reject] = []
        keys = batch.keys if batch.keys is not None else [None] * len(batch)
        places = zip(batch.partition.tolist(), batch.offset.tolist(), batch.timestamp_ms.tolist(), keys, batch.values(), strict=True)
        for partition, offset, timestamp_ms, key, value in places:
            record = Record(self._log, Place(batch.topic, partition, offset), key, value, timestamp_ms)
            try:
                rows = read_rows(record)
            except RejectedRecord as error:
                rejects.append(_reject(record, Reason(error.reason), str(error)))
                continue
            self._pending.append(_Pending(record, rows))
            self._pending_bytes += len(value)
            if len(self._pending) >= self._max_rows or self._pending_bytes >= MAX_BYTES:
                rejects += self.flush()
        rest_s = self._stored_s + self._max_wait_s - time.monotonic()
        if self._pending and rest_s > 0:
            self._stopping.wait(rest_s)
        return rejects + list(self.flush())

    def flush(self) -> Sequence[Reject]:
        """As of ``Store``."""
        if not self._pending:
            return ()
        rejects = self._store(self._pending)
        self._pending, self._pending_bytes = [], 0
        self._stored_s = time.monotonic()
        return rejects

    def close(self) -> None:
        """As of ``Store``."""
        self._engine.dispose()

    def _store(self, pending: Sequence[_Pending]) -> list[Reject]:
        """Store them; where one cannot be stored, halves of them, down to that one."""
        try:
            self._patiently(lambda: store_rows(self._engine, [row for each in pending for row in each.rows]))
        except _UnstorableError as error:
            if len(pending) == 1:
                reason = Reason.NUMBER if isinstance(error.__cause__, OverflowError) else Reason.UNSTORABLE
                return [_reject(pending[0].record, reason, f"expected what the database takes, found: {error}")]
            middle = len(pending) // 2
            return self._store(pending[:middle]) + self._store(pending[middle:])
        return []

    def _patiently(self, act: Callable[[], T]) -> T:
        """Try until it works."""
        while True:
            try:
                done = act()
            except Exception as error:
                fault = fault_of(error)
                if fault is Fault.OUTAGE:
                    self._engine.dispose()  # what is broken is not taken up again
                    self._outage.wait(told(error))
                    continue
                if fault is Fault.RECORD:
                    raise _UnstorableError(told(error)) from error
                if fault is Fault.SETUP:
                    hint = "`trademaster setup records` makes the tables; the user of records.url must own them"
                    raise StoreError(f"records cannot be stored: {told(error)}", hint=hint) from None
                raise
            self._outage.over()
            return done


class _UnstorableError(Exception):
    """A row cannot be stored; the message is the database's."""


def _reject(record: Record, reason: Reason, detail: str) -> Reject:
    return Reject(*record.place, -1, reason, detail, record.value, record.timestamp_ms * 1_000_000)
