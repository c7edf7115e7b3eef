"""A bus whose topics have other names outside: ``replay.market.ticks`` there is ``market.ticks`` here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.bus import Batch, Bus, Position, Reader, RecordColumns, Records, TopicSettings, TopicState, Writer
from schemas.errors import SettingsError

_ALLOWED = re.compile(r"[A-Za-z0-9._-]{1,100}")


class PrefixedBus:
    """Implements ``schemas.bus.Bus`` over another one. Several platforms may share a cluster so, and a replay stand beside what it repeats.

    Raises:
        SettingsError: a topic cannot begin so.
    """

    def __init__(self, bus: Bus, prefix: str) -> None:
        if not _ALLOWED.fullmatch(prefix):
            raise SettingsError(
                f"expected a prefix of topics, found {prefix!r}",
                hint="it is made of letters, digits, dots, hyphens and underscores: replay.",
            )
        self.url = bus.url
        self._bus = bus
        self._prefix = prefix

    def partitions(self, topic: str) -> list[int]:
        return self._bus.partitions(self._prefix + topic)

    def create(self, topics: Sequence[TopicSettings]) -> list[str]:
        created = self._bus.create([replace(wanted, name=self._prefix + wanted.name) for wanted in topics])
        return [name.removeprefix(self._prefix) for name in created]

    def differences(self, topics: Sequence[TopicSettings]) -> list[str]:
        return self._bus.differences([replace(wanted, name=self._prefix + wanted.name) for wanted in topics])

    def state(self, topic: str) -> TopicState:
        return replace(self._bus.state(self._prefix + topic), topic=topic)

    def identity(self) -> str:
        return f"{self._bus.identity()}/{self._prefix}"

    def reader(
        self, topic: str, partitions: Sequence[int] | None = None, start: Mapping[int, int] | None = None, *, with_keys: bool = False
    ) -> Reader:
        return _PrefixedReader(self._bus.reader(self._prefix + topic, partitions, start, with_keys=with_keys), topic)

    def writer(self) -> Writer:
        return _PrefixedWriter(self._bus.writer(), self._prefix)

    def close(self) -> None:
        self._bus.close()


class _PrefixedReader:
    def __init__(self, reader: Reader, topic: str) -> None:
        self._reader = reader
        self._topic = topic

    def poll(self, max_records: int, timeout_s: float) -> Batch | None:
        batch = self._reader.poll(max_records, timeout_s)
        return batch if batch is None else replace(batch, topic=self._topic)

    def position(self) -> Position:
        return self._reader.position()

    def seek(self, position: Mapping[int, int]) -> None:
        self._reader.seek(position)

    def commit(self) -> None:
        self._reader.commit()

    def end(self) -> Position:
        return self._reader.end()

    def known_end(self) -> Position:
        return self._reader.known_end()

    def close(self) -> None:
        self._reader.close()


class _PrefixedWriter:
    def __init__(self, writer: Writer, prefix: str) -> None:
        self._writer = writer
        self._prefix = prefix

    def write(self, records: Records | RecordColumns) -> None:
        self._writer.write(replace(records, topic=self._prefix + records.topic))

    def flush(self, timeout_s: float = 30.0) -> None:
        self._writer.flush(timeout_s)

    def close(self) -> None:
        self._writer.close()
