"""Single records of any bus: found by their place, written back; with their headers where the bus has such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from schemas.bus import Bus, Reader, Records
from schemas.errors import PositionLost, UnknownTopic
from schemas.events import Place
from schemas.kept_records import HeaderedBus, KeptRecord


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
    state, found = bus.state(topic), {}
    by_partition: dict[int, list[int]] = defaultdict(list)
    for partition, offset in sorted(set(wanted)):
        if state.begin.get(partition, 0) <= offset < state.end.get(partition, 0):
            by_partition[partition].append(offset)
    for partition, offsets in by_partition.items():
        reader = bus.reader(topic, [partition], {partition: offsets[0]}, with_keys=True)
        try:
            for offset in offsets:
                record = _first_from(reader, topic, partition, offset)
                if record is not None and record.place.offset == offset:
                    found[partition, offset] = record
        finally:
            reader.close()
    return found


def _first_from(reader: Reader, topic: str, partition: int, offset: int) -> KeptRecord | None:
    reader.seek({partition: offset})
    try:
        batch = reader.poll(1, 0.0)
    except PositionLost:
        return None
    if batch is None:
        return None
    key = batch.keys[0] if batch.keys is not None else None
    return KeptRecord(Place(topic, partition, int(batch.offset[0])), key, batch.value(0), (), int(batch.timestamp_ms[0]))
