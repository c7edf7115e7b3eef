"""Events that were made one at a time, as a writer takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.bus import Bytes1D, Column, column_of
from schemas.events import Envelope, Event, encode, encode_plainly_into
from schemas.outgoing import Outgoing
from schemas.placement import place_events


def event_encoder(topic: str) -> Callable[[Sequence[Sequence[Event[Any]]]], Outgoing]:
    """Encoder of a topic: takes lists of events, each in the order in which they were made."""

    def encode_events(parts: Sequence[Sequence[Event[Any]]]) -> Outgoing:
        events = [event for part in parts for event in part]
        places = place_events(topic, events)
        return Outgoing(
            topic=topic,
            keys=column_of([key for key, _ in places]),
            values=encode_all([event.envelope for event in events]),
            hashes=[partition_hash for _, partition_hash in places],
            causes=[event.place.offset for event in events],
            times=[event.time_ns for event in events],
        )

    return encode_events


def encode_all(events: Sequence[Envelope[Any]]) -> Column:
    """What ``encode`` makes of each. Decimals with an exponent are few: they are looked for in all texts at once."""
    data, ends = bytearray(), []
    for event in events:
        encode_plainly_into(event, data, -1)
        ends.append(len(data))
    column = Column(np.frombuffer(data, np.uint8), np.array(ends, np.int64))
    suspects = set(np.searchsorted(column.ends, _exponents(column.data), side="right").tolist())
    if not suspects:
        return column
    return column_of([encode(events[at]) if at in suspects else text for at, text in enumerate(column)])


_E, _PLUS, _MINUS = b"E+-"


def _exponents(data: Bytes1D) -> npt.NDArray[np.intp]:
    """Where there is an E before a sign."""
    found = np.flatnonzero(data[:-1] == _E)
    sign = data[found + 1]
    at: npt.NDArray[np.intp] = found[(sign == _PLUS) | (sign == _MINUS)]
    return at
