"""What compacted topics of events hold when a run begins: what a fresh step must know before its first event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from schemas.bus import Bus
from schemas.events import Event
from trademaster.bus.reading import read_to_end
from trademaster.engine.event_parts import read_events

KEPT_S = 60.0
"""For how long what was read is kept: the shards begin together."""


class Present:
    """Reads once for all shards that ask at about the same time."""

    def __init__(self, open_own_bus: Callable[[], Bus], topics: Sequence[str]) -> None:
        self._open = open_own_bus
        self._topics = topics
        self._events: list[Event[Any]] | None = None

    def __call__(self) -> list[Event[Any]]:
        """Events in the order of their partitions; what is none is left to the source, which dead-letters it."""
        events = self._events
        if events is None:
            bus = self._open()
            try:
                events = [event for topic in self._topics for batch in read_to_end(bus, topic) for event in read_events(batch)[0]]
            finally:
                bus.close()
            self._events = events
            forgetting = threading.Timer(KEPT_S, self._forget)
            forgetting.daemon = True
            forgetting.start()
        return events

    def _forget(self) -> None:
        self._events = None
