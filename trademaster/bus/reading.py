"""Reads what a topic holds now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from schemas.bus import Batch, Bus

EMPTY_POLLS = 3
"""Polls of a second without a record after which the rest up to the end is taken for gaps (transaction markers)."""


def read_to_end(
    bus: Bus, topic: str, start: Mapping[int, int] | None = None, *, partitions: Sequence[int] | None = None, with_keys: bool = False
) -> Iterator[Batch]:
    """Batches of some partitions (default: all) from ``start`` (default: the beginning) up to what was the end when this was called."""
    reader = bus.reader(topic, partitions, start, with_keys=with_keys)
    try:
        wanted, empty = reader.end(), 0
        while empty < EMPTY_POLLS and any(reader.position()[part] < end for part, end in wanted.items()):
            batch = reader.poll(10_000, 1.0)
            empty = 0 if batch is not None else empty + 1
            if batch is not None:
                yield batch
    finally:
        reader.close()
