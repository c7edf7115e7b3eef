"""Stores that the tests of deliveries run: how each is set, and what it holds in the end. A store joins by a row of ``CASES``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.archive.layout import split_contained
from sources.archive import open_archive
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end

Held = dict[tuple[str, int, int], Any]
"""What is held of each record, by topic, partition and offset."""


@dataclass(frozen=True)
class StoreCase:
    """A delivery under test."""

    name: str
    topics: tuple[str, ...]
    """Those that the test fills and compares."""
    settings: Callable[[Path], Sequence[str]]
    """Options of ``run`` that put the store into a folder."""
    held: Callable[[Path, Held], Held]
    """What the store in that folder holds, as far as it can be compared with what is on the bus."""
    wanted: Callable[[Held], Held] = lambda held: held
    """What it shall hold, from what is on the bus: (key, value)."""


def on_the_bus(url: str, topics: Sequence[str]) -> Held:
    """Key and value of each record of some topics."""
    bus, found = open_bus(url, patience_s=10), Held()
    try:
        for topic in topics:
            for batch in read_to_end(bus, topic, with_keys=True):
                places = zip(batch.partition.tolist(), batch.offset.tolist(), strict=True)
                assert batch.keys is not None
                for (partition, offset), key, value in zip(places, batch.keys, batch.values(), strict=True):
                    found[topic, partition, offset] = key, value
    finally:
        bus.close()
    return found


def archived(folder: Path, wanted: Held) -> Held:
    """Key and value of each record in an archive, of which none is there twice."""
    archive, found = open_archive(str(folder / "archive")), Held()
    files = archive.folder.files()
    assert not split_contained(files)[1], "what a compaction left over is gone when a run has ended"
    assert not list(folder.rglob("*.half")), "and so is what was half written"
    for topic, partition in sorted({(topic, partition) for topic, partition, _ in wanted}):
        for records in archive.records(topic, partition):
            keys = records.batch.keys
            assert keys is not None
            for offset, key, value in zip(records.batch.offset.tolist(), keys, records.batch.values(), strict=True):
                assert (topic, partition, offset) not in found, "none is there twice"
                found[topic, partition, offset] = key, value
    assert archive.incomplete == 0
    return found


ARCHIVE = StoreCase(
    name="archive",
    topics=("market.ticks", "market.bars", "market.marks", "control.limits", "dead.letters"),
    settings=lambda folder: (
        *("--set", f"archive.url={folder / 'archive'}", "--set", "archive.roll_after=100ms", "--set", "archive.quiet_after=300ms"),
        *(
            "--set",
            "archive.buffer_bytes=100000",
            "--set",
            "archive.topics=market.ticks,market.bars,market.marks,control.limits,dead.letters",
        ),
    ),
    held=archived,
)

CASES = (ARCHIVE,)
