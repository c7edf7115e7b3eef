"""The ways in of what comes one event at a time: control events, orders and executions, bars from the bus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from flows.flow import SHARD_KEYS
from schemas.bus import Batch
from schemas.control import Control
from schemas.control_codec import decode_control
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_reading import EVENT_TOPICS, event_reader, read_event
from schemas.events import Event, Place, places_of
from schemas.market_reading import bars_by_shard, joined_marks, read_bar, read_mark
from trademaster.engine.bus_part import LOOK_EVERY_NS, REJECTED, BusPart, Item

Read = TypeVar("Read")

EVENTS, CONTROL, MARKS = "events", "control", "marks"
"""Keys under which they arrive: to which shard each belongs is for a flow to say."""


class ControlPart(BusPart):
    """Control events, one at a time; a bad one becomes a dead letter and what was in force stays."""

    with_keys = True
    look_every_ns = LOOK_EVERY_NS

    def items(self, batch: Batch) -> list[Item]:
        self._runtime.recorder.batch(self._topic, len(batch), len(batch))
        controls, rejects = read_controls(batch)
        items: list[Item] = [(CONTROL, control) for control in controls]
        return [*items, (REJECTED, rejects)] if rejects else items


class EventPart(BusPart):
    """Events, a list a batch."""

    def items(self, batch: Batch) -> list[Item]:
        self._runtime.recorder.batch(self._topic, len(batch), len(batch))
        events, rejects = read_events(batch)
        items: list[Item] = [(EVENTS, events)] if events else []
        return [*items, (REJECTED, rejects)] if rejects else items


class BarPart(BusPart):
    """Bars as arrays by shard."""

    def items(self, batch: Batch) -> list[Item]:
        self._runtime.recorder.batch(self._topic, len(batch), len(batch))
        bars, rejects = _read(batch, lambda place, _, value: read_bar(value, place.offset))
        items: list[Item] = [(SHARD_KEYS[shard], rows) for shard, rows in bars_by_shard(bars)]
        return [*items, (REJECTED, rejects)] if rejects else items


class MarkPart(BusPart):
    """Marks as an array a batch."""

    def items(self, batch: Batch) -> list[Item]:
        self._runtime.recorder.batch(self._topic, len(batch), len(batch))
        marks, rejects = _read(batch, lambda place, _, value: read_mark(value, place.offset))
        items: list[Item] = [(MARKS, joined_marks(marks))] if marks else []
        return [*items, (REJECTED, rejects)] if rejects else items


def items_of(place: Place, key: bytes | None, value: bytes) -> list[Item]:
    """What one record of a topic other than ``market.ticks`` becomes, as its source would give it.

    Raises:
        RejectedRecord: nothing.
    """
    if place.topic in EVENT_TOPICS:
        return [(EVENTS, [read_event(place, value)])]
    if place.topic == "market.bars":
        return [(SHARD_KEYS[shard], rows) for shard, rows in bars_by_shard([read_bar(value, place.offset)])]
    if place.topic == "market.marks":
        return [(MARKS, read_mark(value, place.offset))]
    return [(CONTROL, decode_control(place.topic, key, value, place.partition, place.offset))]


def read_events(batch: Batch) -> tuple[list[Event[Any]], list[Reject]]:
    """The events of a batch, and what of it is none."""
    read = event_reader(batch.topic)
    return _read(batch, lambda place, _, value: read(place, value))


def read_controls(batch: Batch) -> tuple[list[Control], list[Reject]]:
    """The control events of a batch, and what of it cannot be put in force."""
    return _read(batch, lambda place, key, value: decode_control(place.topic, key, value, place.partition, place.offset))


def _read(batch: Batch, read: Callable[[Place, bytes | None, bytes], Read]) -> tuple[list[Read], list[Reject]]:
    """What the records are, and the dead letters of those that are nothing."""
    good, rejects = [], []
    for place, key, value, seen_ns in _records(batch):
        try:
            good.append(read(place, key, value))
        except RejectedRecord as error:
            rejects.append(Reject(*place, -1, Reason(error.reason), str(error), value, seen_ns))
    return good, rejects


def _records(batch: Batch) -> Iterator[tuple[Place, bytes | None, bytes, int]]:
    """Place, key, value and the time when it was appended."""
    keys: Sequence[bytes | None] = batch.keys or [None] * len(batch)
    places = places_of(batch.topic, batch.partition.tolist(), batch.offset.tolist())
    return zip(places, keys, batch.values(), (batch.timestamp_ms * 1_000_000).tolist(), strict=True)
