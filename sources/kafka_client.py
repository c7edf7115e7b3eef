"""What a Kafka reader asks of a consumer, whichever binding it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas.bus import Batch, Position

OnError = Callable[[int, str], None]
"""Called with librdkafka's error code and its words."""
OnStatistics = Callable[[bytes], None]
"""Called with librdkafka's statistics, a JSON document."""


@dataclass(frozen=True, slots=True)
class PartitionError:
    """An error that came in the place of a message."""

    code: int
    partition: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """One fetch: messages as columns, and what failed beside them."""

    batch: Batch | None
    errors: list[PartitionError]


class Consumer(Protocol):
    """Partitions assigned by hand, no group membership. ``OFFSET_BEGINNING`` and ``OFFSET_END`` are ``schemas.rdkafka``'s."""

    def assign(self, topic: str, position: Position) -> None: ...

    def fetch(self, topic: str, max_records: int, timeout_s: float, with_keys: bool) -> Fetched: ...

    def position(self, topic: str, partitions: Position) -> Position: ...

    def offsets(self, topic: str, partitions: Position, timeout_s: float) -> Position: ...

    def fetched_end(self, topic: str, partitions: Position) -> Position: ...

    def commit(self, topic: str, position: Position) -> None: ...

    def close(self) -> None: ...
