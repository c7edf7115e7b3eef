"""Merging equals a plain merge of heads, whatever the batches are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.bus import Batch
from trademaster.replay.merge import merged
from trademaster.replay.timed import Timed

Lane = list[list[int]]
"""Times of a partition's records, batch by batch."""

lanes_of_times = st.lists(st.lists(st.lists(st.integers(0, 12), max_size=5), max_size=5), max_size=4)


def records(lane: Lane, partition: int) -> Iterator[Timed]:
    offset = 0
    for times in lane:
        offsets = np.arange(offset, offset + len(times), dtype=np.int64)
        offset += len(times)
        values = [b"%d/%d" % (partition, number) for number in offsets.tolist()]
        yield Timed(
            Batch(
                "t",
                np.frombuffer(b"".join(values), np.uint8),
                np.cumsum([len(value) for value in values], dtype=np.int64),
                np.full(len(times), partition, np.int32),
                offsets,
                offsets,
                [b""] * len(times),
            ),
            np.array(times, np.int64),
        )


def by_heads(lanes: Sequence[Lane]) -> list[bytes]:
    """The first records of all partitions are compared by time, then by partition; the least goes."""
    waiting = [[(time, b"%d/%d" % (place, at)) for at, time in enumerate(chain.from_iterable(lane))] for place, lane in enumerate(lanes)]
    merged_so: list[bytes] = []
    while any(waiting):
        _, place = min((records[0][0], place) for place, records in enumerate(waiting) if records)
        merged_so.append(waiting[place].pop(0)[1])
    return merged_so


@given(lanes_of_times)
def test_merging_equals_a_merge_of_heads(lanes: list[Lane]) -> None:
    found: list[bytes] = []
    latest = -1
    for slice_ in merged([records(lane, place) for place, lane in enumerate(lanes)]):
        values = [value for part in slice_.parts for value in part.batch.values()]
        found += [values[at] for at in slice_.order.tolist()]
        assert (np.diff(slice_.times, prepend=latest) >= 0).all(), "what is due never falls"
        latest = int(slice_.times[-1])
    assert found == by_heads(lanes)
