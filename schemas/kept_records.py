"""Single records as a bus keeps them: for people who look at one and write it back, not for flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from schemas.events import Place

RecordHeaders = tuple[tuple[str, bytes | None], ...]
"""Of Kafka, in their order, names possibly repeated; the embedded bus has none."""


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """One record with all that came with it."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders = ()
    timestamp_ms: int = -1
    """When it was appended, Unix milliseconds; -1: not known (to be written: now)."""


@runtime_checkable
class HeaderedBus(Protocol):
    """A bus whose records have headers."""

    def records_at(self, topic: str, places: list[tuple[int, int]]) -> dict[tuple[int, int], KeptRecord]:
        """The records at these (partition, offset); those that are not kept are left out.

        Raises:
            BusUnavailable: the brokers cannot be reached.
        """

    def append(self, records: list[KeptRecord]) -> None:
        """Write to the partitions that the places name (their offsets mean nothing); return when all are acknowledged.

        Raises:
            BusUnavailable: some were not; which of them is not known.
        """
