"""A bus with records that a flow refused, and the command as a person gives it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.bus import Bus, Records
from schemas.dead_letters import Reason, Reject, encode_dead_letters
from schemas.events import Place
from schemas.kept_records import KeptRecord, RecordHeaders
from trademaster.bus.reading import read_to_end
from trademaster.bus.records import append
from trademaster.cli import execute

SEEN_NS = 1_767_366_245 * 10**9


@dataclass
class Desk:
    """One person at one bus. Each has a source of letters of its own, so that several may share a broker.

    Attributes:
        headers: whether the bus keeps them.
    """

    bus: Bus
    headers: bool
    capsys: pytest.CaptureFixture[str]
    source: str = field(default_factory=lambda: f"flow-{uuid.uuid4().hex[:8]}")

    def put(self, topic: str, value: bytes, *, key: bytes = b"K", partition: int = 0, headers: RecordHeaders = ()) -> Place:
        """Write a record; its place."""
        before = self.bus.state(topic).end[partition]
        append(self.bus, [KeptRecord(Place(topic, partition, -1), key, value, headers if self.headers else ())])
        return Place(topic, partition, before)

    def refuse(self, place: Place, payload: bytes, reason: Reason = Reason.MALFORMED, *, index: int = -1, seen_ns: int = SEEN_NS) -> str:
        """Make a dead letter as a flow does; its name."""
        self._write_letters([Reject(*place, index, reason, "expected better", payload, seen_ns)])
        return f"{place.topic}-{place.partition}-{place.offset}" + (f"/{index}" if index >= 0 else "")

    def refuse_all(self, topic: str, partition: int, values: list[bytes]) -> None:
        """Write records, and make a letter of each."""
        first = self.bus.state(topic).end[partition]
        append(self.bus, [KeptRecord(Place(topic, partition, -1), b"K", value) for value in values])
        rows = [(topic, partition, first + at, -1, Reason.MALFORMED, "expected better", value, SEEN_NS) for at, value in enumerate(values)]
        self._write_letters([Reject(*row) for row in rows])

    def _write_letters(self, rejects: list[Reject]) -> None:
        writer = self.bus.writer()
        writer.write(encode_dead_letters(rejects, self.source).records(len(self.bus.partitions("dead.letters"))))
        writer.flush()
        writer.close()

    def refused(self, topic: str, value: bytes, **options: Any) -> tuple[Place, str]:
        """A record and its letter."""
        place = self.put(topic, value, **options)
        return place, self.refuse(place, value)

    def call(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """``trademaster dead ARGUMENTS --json`` of letters of this desk; what it said."""
        self.capsys.readouterr()
        own = ["--source", self.source] if arguments[0] != "show" else []
        assert execute(["dead", *arguments, *own, "--json", "--bus", self.bus.url]) == code
        return [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]

    def states(self, *arguments: str) -> dict[str, str]:
        """State of each letter that ``list`` shows, by its name."""
        return {line["letter"]: line["state"] for line in self.call("list", *arguments) if line["kind"] == "letter"}

    def audit(self) -> list[dict[str, Any]]:
        """Payloads of the decisions about this desk's letters."""
        events = [json.loads(value) for batch in read_to_end(self.bus, "audit") for value in batch.values()]
        return [event["payload"] for event in events if event["payload"]["subject"].endswith(f"|{self.source}")]

    def ends(self) -> dict[str, dict[int, int]]:
        """Where the topics end that a command may write to."""
        return {topic: dict(self.bus.state(topic).end) for topic in ("audit", "dead.letters", "market.ticks", "orders.events")}

    def write(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """A record by the bus's own writer."""
        writer = self.bus.writer()
        writer.write(Records(topic, [partition], [key], [value]))
        writer.flush()
        writer.close()
