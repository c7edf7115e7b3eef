"""Events that were made one at a time, as a writer takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schemas.events import Event, encode
from schemas.outgoing import Outgoing
from schemas.partitioning import key_hash
from schemas.placement import place_event


def event_encoder(topic: str) -> Callable[[Sequence[Sequence[Event[Any]]]], Outgoing]:
    """Encoder of a topic: takes lists of events, each in the order in which they were made."""

    def encode_events(parts: Sequence[Sequence[Event[Any]]]) -> Outgoing:
        events = [event for part in parts for event in part]
        places = [place_event(topic, event) for event in events]
        return Outgoing(
            topic=topic,
            keys=[key for key, _ in places],
            values=[encode(event.envelope) for event in events],
            hashes=[key_hash(partition_key) for _, partition_key in places],
            causes=[event.place.offset for event in events],
            times=[event.time_ns for event in events],
        )

    return encode_events
