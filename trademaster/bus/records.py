"""Single records of any bus: found by their place, written back; with their headers where the bus has such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from schemas.bus import Batch, Bus, Reader, Records
from schemas.errors import PositionLost, UnknownTopic
from schemas.events import Place
from schemas.kept_records import HeaderedBus, KeptRecord

_AT_ONCE = 1000
"""Records of one poll; what lies so far ahead is read up to."""


def records_at(bus: Bus, places: Iterable[Place]) -> dict[Place, KeptRecord]:
    """The records at these places; those that are no longer kept, or whose topic is not there, are left out.

    Raises:
        BusUnavailable: the bus cannot be reached.
    """
    by_topic: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place in places:
        by_topic[place.topic].append((place.partition, place.offset))
    found: dict[Place, KeptRecord] = {}
    for topic, wanted in by_topic.items():
        try:
            kept = bus.records_at(topic, wanted) if isinstance(bus, HeaderedBus) else _read(bus, topic, wanted)
        except UnknownTopic:
            continue
        found.update((record.place, record) for record in kept.values())
    return found


def append(bus: Bus, records: list[KeptRecord]) -> None:
    """Write records to the partitions of their places, in their order; return when all are acknowledged.

    Raises:
        BusUnavailable: some were not.
    """
    if isinstance(bus, HeaderedBus):
        bus.append(records)
        return
    writer = bus.writer()
    try:
        for record in records:
            writer.write(Records(record.place.topic, [record.place.partition], [record.key or b""], [record.value]))
        writer.flush()
    finally:
        writer.close()


def _read(bus: Bus, topic: str, wanted: list[tuple[int, int]]) -> dict[tuple[int, int], KeptRecord]:
    """By a reader of each partition; nobody waits for what is not kept."""
    state = bus.state(topic)
    found: dict[tuple[int, int], KeptRecord] = {}
    by_partition: dict[int, list[int]] = defaultdict(list)
    for partition, offset in sorted(set(wanted)):
        if state.begin.get(partition, 0) <= offset < state.end.get(partition, 0):
            by_partition[partition].append(offset)
    for partition, offsets in by_partition.items():
        reader = bus.reader(topic, [partition], {partition: offsets[0]}, with_keys=True)
        try:
            found.update(((partition, record.place.offset), record) for record in _picked(reader, partition, offsets))
        finally:
            reader.close()
    return found


def _picked(reader: Reader, partition: int, offsets: list[int]) -> Iterator[KeptRecord]:
    """The records at ascending offsets. Those that lie close together are read in one go."""
    at = 0
    while at < len(offsets):
        if not 0 <= offsets[at] - reader.position()[partition] < _AT_ONCE:
            reader.seek({partition: offsets[at]})
        try:
            batch = reader.poll(_AT_ONCE, 0.0)
        except PositionLost:
            batch = None
        if batch is None:  # nothing is kept from there on
            return
        for row, offset in enumerate(batch.offset.tolist()):
            while at < len(offsets) and offsets[at] < offset:
                at += 1
            if at < len(offsets) and offsets[at] == offset:
                yield _record(batch, row)
                at += 1


def _record(batch: Batch, row: int) -> KeptRecord:
    key = batch.keys[row] if batch.keys is not None else None
    place = Place(batch.topic, int(batch.partition[row]), int(batch.offset[row]))
    return KeptRecord(place, key, batch.value(row), (), int(batch.timestamp_ms[row]))
