"""The folder of the embedded bus, which any number of processes share.

It holds ``bus.db``, an SQLite database in WAL mode, two lock files, and for each topic a head and segments
(``schemas/embedded_segments.py``), for a compacted one also what compaction left (``schemas/embedded_base.py``). In ``bus.db``:

- ``meta``: the identity, made when the file is, and during which run of the system the folder was last checked.
- ``topics``: name and settings; a topic's number names its files.

Row numbers and offsets are given under the write lock and grow for ever, so what a reader has seen never gets company from behind.

Never open ``bus.db`` or its ``-shm`` by other means in a process that uses them: closing a file drops all POSIX locks of the process on it.
"""

from __future__ import annotations

import errno
import sqlite3
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.bus import Position
from schemas.embedded_lock import FileLock
from schemas.embedded_recovery import boot_id, recover
from schemas.embedded_segments import Head, TopicFiles
from schemas.errors import BusError, BusUnavailable, UnknownTopic

FILE_NAME = "bus.db"
APPLICATION_ID = 0x544D4C47
VERSION = 3
MAX_RECORD_BYTES = 64 * 1024 * 1024

_DDL = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE topics (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, compacted INTEGER NOT NULL,
    retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL);
"""

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "another process holds it; if that one is stopped or hangs, end it",
    sqlite3.SQLITE_FULL: "free some disk space, or lower retention_bytes in the bus URL; it continues by itself then",
    sqlite3.SQLITE_IOERR: "look for a full or failing disk, or a limit on the size of files; it continues by itself when there is room",
    sqlite3.SQLITE_CANTOPEN: "see that the folder exists and may be written to",
    sqlite3.SQLITE_READONLY: "see that the folder may be written to",
    sqlite3.SQLITE_PERM: "see that the folder may be written to",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A row of ``topics``."""

    id: int
    name: str
    partitions: int
    compacted: bool
    retention_ms: int
    retention_bytes: int


def translated(error: sqlite3.Error | OSError, path: Path) -> BusError:
    """The house's error for one of SQLite or the system: BusUnavailable if trying again may help."""
    if isinstance(error, OSError):
        full = "the disk is full: " if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else ""
        hint = _UNAVAILABLE[sqlite3.SQLITE_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else sqlite3.SQLITE_IOERR]
        return BusUnavailable(f"the embedded bus {path} cannot be used now: {full}{error}", hint=hint)
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _UNAVAILABLE:
        return BusUnavailable(f"the embedded bus {path} cannot be used now: {error}", hint=_UNAVAILABLE[code])
    return BusError(
        f"the embedded bus {path} cannot be read: {error}", hint="if it is no file of an embedded bus, name another folder; else restore it"
    )


class LogFile:
    """One connection to the file. Not thread-safe; one owner.

    Args:
        folder: made if it does not exist, and the file in it.
        durable: a commit returns only when the disk has it (else a power failure may take the last commits, a crash of processes none).
        patience_s: how long to wait for another process before BusUnavailable.
    """

    def __init__(self, folder: Path, *, durable: bool = False, patience_s: float = 10.0) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.patience_s = patience_s
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.write_lock = FileLock(folder / "write.lock")
            self.upkeep_lock = FileLock(folder / "upkeep.lock")
        except OSError as error:
            hint = "name a folder that may be written to"
            raise BusUnavailable(f"the embedded bus cannot be opened in {folder}: {error}", hint=hint) from error
        self.durable = durable
        self._files: dict[int, TopicFiles] = {}
        try:
            self.db = self._open(durable)
        except BaseException:
            self._close_locks()
            raise
        self._inode = self.path.stat().st_ino
        self._looked_s = time.monotonic()

    def _open(self, durable: bool) -> sqlite3.Connection:
        with self.write_lock.held(self.patience_s, self.path):
            db = sqlite3.connect(self.path, timeout=self.patience_s, isolation_level=None, check_same_thread=False)
            try:
                _prepare(db, self.path, durable)
                self._recover(db)
            except (sqlite3.Error, OSError) as error:
                db.close()
                raise translated(error, self.path) from error
            except BaseException:
                db.close()
                raise
        return db

    def _recover(self, db: sqlite3.Connection) -> None:
        """Once after each start of the system, and always where none can be told from another."""
        boot = boot_id()
        if boot and db.execute("SELECT value FROM meta WHERE name = 'boot'").fetchone() == (boot,):
            return
        for number, partitions in db.execute("SELECT id, partitions FROM topics").fetchall():
            files = TopicFiles(self.folder, number, partitions)
            try:
                recover(files)
            finally:
                files.close()
        db.execute("INSERT OR REPLACE INTO meta VALUES ('boot', ?)", (boot,))

    def topic(self, name: str) -> Topic:
        """Raises UnknownTopic, with the command that creates it."""
        columns = "id, name, partitions, compacted, retention_ms, retention_bytes"
        row = self.db.execute(f"SELECT {columns} FROM topics WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise UnknownTopic(f"the embedded bus {self.folder} has no topic {name}", hint=f"trademaster topics create {name}")
        return Topic(row[0], row[1], row[2], bool(row[3]), row[4], row[5])

    def add(self, topic: Topic) -> None:
        """Make the topic's files; inside a write transaction of the caller. ``topic.id`` is chosen by the file."""
        row = (topic.name, topic.partitions, int(topic.compacted), topic.retention_ms, topic.retention_bytes)
        sql = "INSERT INTO topics (name, partitions, compacted, retention_ms, retention_bytes) VALUES (?, ?, ?, ?, ?)"
        number = self.db.execute(sql, row).lastrowid
        self.files(replace(topic, id=number or 0)).create()

    def files(self, topic: Topic) -> TopicFiles:
        """Of a topic; they are closed with this."""
        found = self._files.get(topic.id)
        if found is None:
            found = self._files[topic.id] = TopicFiles(self.folder, topic.id, topic.partitions)
        return found

    def head(self, topic: Topic) -> Head:
        return self.files(topic).head()

    def begins(self, topic: Topic) -> list[int]:
        """By partition the first offset that a reader may ask for."""
        return [0] * topic.partitions if topic.compacted else self.head(topic).begins

    def identity(self) -> str:
        identity: str = self.db.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()[0]
        return identity

    def look(self, every_s: float = 0.0) -> None:
        """See that the file still is where it was, unless that was seen ``every_s`` ago: SQLite would go on with a deleted one.

        Raises:
            BusUnavailable: it is not.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < every_s:
            return
        self._looked_s = now_s
        try:
            same = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            same = False
        if not same:
            self._looked_s = float("-inf")
            raise BusUnavailable(f"{self.path} was deleted or replaced while it was in use", hint="start again; it is another log now")

    def close(self) -> None:
        self.db.close()
        for files in self._files.values():
            files.close()
        self._close_locks()

    def _close_locks(self) -> None:
        self.write_lock.close()
        self.upkeep_lock.close()


def positions(offsets: list[int]) -> Position:
    """An offset for each partition, by its number."""
    return dict(enumerate(offsets))


def _prepare(db: sqlite3.Connection, path: Path, durable: bool) -> None:
    """Check or make the tables, and set the connection up."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    application = db.execute("PRAGMA application_id").fetchone()[0]
    empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not empty and application != APPLICATION_ID:
        raise BusError(f"{path} is an SQLite file, but not one of an embedded bus", hint="name another folder")
    if not empty and version != VERSION:
        raise BusError(
            f"{path} has version {version} of the embedded bus, this program reads and writes version {VERSION}",
            hint="use the program that made it, or name another folder and ingest again",
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    db.execute("PRAGMA secure_delete = OFF")
    if empty:
        db.execute("BEGIN IMMEDIATE")
        for statement in _DDL.split(";"):
            db.execute(statement)
        db.execute("INSERT INTO meta VALUES ('identity', ?)", (uuid.uuid4().hex,))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
