"""The bus of a laptop: topics in one folder, opened by ``embedded:FOLDER``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from schemas.bus import Reader, TopicSettings, TopicState, Writer
from schemas.embedded_log import LogFile, Topic, positions, translated
from schemas.errors import SettingsError
from sinks.embedded import EmbeddedWriter
from sinks.embedded_upkeep import DEFAULT_RETENTION_BYTES, Upkeep
from sources.embedded import EmbeddedReader

_ALLOWED = "allowed are durable=true|false (default false) and retention_bytes=NUMBER (of all topics together, default 10000000000)"


class EmbeddedBus:
    """Implements ``schemas.bus.Bus``. The folder and the file are made if they do not exist.

    URL: ``embedded:FOLDER`` (relative), ``embedded:///FOLDER`` (absolute), each with ``?durable=true&retention_bytes=NUMBER``.

    Raises:
        SettingsError: the URL is not of that form.
        BusError: the file is not of this version, or not of an embedded bus.
        BusUnavailable: the folder cannot be written to.
    """

    def __init__(self, url: str, *, patience_s: float = 10.0) -> None:
        self.url = url
        self._folder, self._durable, self._retention_bytes = _parsed(url)
        self._patience_s = patience_s
        self._file = LogFile(self._folder, patience_s=patience_s)

    def partitions(self, topic: str) -> list[int]:
        with self._translated():
            return list(range(self._file.topic(topic).partitions))

    def create(self, topics: Sequence[TopicSettings]) -> list[str]:
        created = []
        with self._translated(), self._file.write_lock.held(self._patience_s, self._file.path):
            db = self._file.db
            db.execute("BEGIN IMMEDIATE")
            try:
                existing = {name for (name,) in db.execute("SELECT name FROM topics")}
                for wanted in topics:
                    if wanted.name not in existing:
                        self._file.add(_row(wanted))
                        existing.add(wanted.name)
                        created.append(wanted.name)
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        return created

    def differences(self, topics: Sequence[TopicSettings]) -> list[str]:
        with self._translated():
            existing = {name for (name,) in self._file.db.execute("SELECT name FROM topics")}
            lines: list[str] = []
            for wanted in topics:
                if wanted.name in existing:
                    lines += _differences(self._file.topic(wanted.name), wanted)
                else:
                    lines.append(f"topic {wanted.name} does not exist: trademaster topics create {wanted.name}")
            return lines

    def state(self, topic: str) -> TopicState:
        with self._translated():
            found = self._file.topic(topic)
            return TopicState(topic, positions(self._file.begins(found)), positions(self._file.head(found).ends))

    def identity(self) -> str:
        with self._translated():
            return self._file.identity()

    def reader(
        self, topic: str, partitions: Sequence[int] | None = None, start: Mapping[int, int] | None = None, *, with_keys: bool = False
    ) -> Reader:
        with self._translated():
            found = self._file.topic(topic)
            file = LogFile(self._folder, patience_s=self._patience_s)
            try:
                return EmbeddedReader(file, found, partitions, start, with_keys=with_keys)
            except BaseException:
                file.close()
                raise

    def writer(self) -> Writer:
        upkeep = Upkeep(LogFile(self._folder, patience_s=self._patience_s), self._retention_bytes).start()
        try:
            return EmbeddedWriter(LogFile(self._folder, durable=self._durable, patience_s=self._patience_s), upkeep)
        except BaseException:
            upkeep.close()
            raise

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            self._file.look()
            yield
        except (sqlite3.Error, OSError) as error:
            raise translated(error, self._file.path) from error


def _row(wanted: TopicSettings) -> Topic:
    if wanted.partitions < 1:
        raise SettingsError(f"topic {wanted.name} shall have {wanted.partitions} partitions; it needs 1 at least")
    return Topic(0, wanted.name, wanted.partitions, wanted.compacted, wanted.retention_ms, wanted.retention_bytes)


def _differences(found: Topic, wanted: TopicSettings) -> Iterator[str]:
    """A line for each setting that differs."""
    anew = "delete the bus's folder and ingest again, or change the setting back"
    for name in ("partitions", "compacted", "retention_ms", "retention_bytes"):
        if found.compacted and wanted.compacted and name.startswith("retention"):
            continue
        has, wants = getattr(found, name), getattr(wanted, name)
        if has != wants:
            yield f"topic {wanted.name} has {name} {has}, wanted is {wants}: {anew}"


def _parsed(url: str) -> tuple[Path, bool, int]:
    """Folder, durable, retention in bytes."""
    address, _, query = url.partition("?")
    scheme, _, place = address.partition(":")
    if place.startswith("//"):
        place = place[2:] if place.startswith("///") else ""
    if scheme != "embedded" or not place:
        raise SettingsError(f"{url!r} names no folder", hint="write embedded:FOLDER, or embedded:///ABSOLUTE/FOLDER")
    durable, retention_bytes = False, DEFAULT_RETENTION_BYTES
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "durable" and value in ("true", "false"):
            durable = value == "true"
        elif name == "retention_bytes" and value.isdecimal() and int(value) > 0:
            retention_bytes = int(value)
        else:
            raise SettingsError(f"{url!r}: option {name}={value} is not known", hint=_ALLOWED)
    return Path(unquote(place)).expanduser().absolute(), durable, retention_bytes
