"""The engine's ways in: a topic is a source whose parts have the same names in every worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bytewax.inputs import FixedPartitionedSource

from schemas.event_reading import EVENT_TOPICS
from trademaster.engine.bus_part import BusPart, Item, Reading
from trademaster.engine.event_parts import BarPart, ControlPart, EventPart, MarkPart
from trademaster.engine.runtime import Runtime
from trademaster.engine.tick_part import TickPart

PART_OF: dict[str, Callable[..., BusPart]] = {
    "market.ticks": TickPart,
    "market.bars": BarPart,
    "market.marks": MarkPart,
    **dict.fromkeys(EVENT_TOPICS, EventPart),
}
"""Kind of part of a topic; all others are ControlPart."""


class BusSource(FixedPartitionedSource[Item, Any]):
    """One topic of the bus, its partitions dealt to a fixed number of parts."""

    part_class: Callable[..., BusPart] | None = None
    """Kind of its parts; None: by the topic."""

    def __init__(self, runtime: Runtime, topic: str, reading: Reading) -> None:
        self._runtime = runtime
        self._topic = topic
        self._reading = reading
        self._partitions = runtime.bus.partitions(topic)
        self._parts = min(reading.parts, len(self._partitions))

    def list_parts(self) -> list[str]:
        return [f"{part:02d}" for part in range(self._parts)]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> BusPart:
        mine = self._partitions[int(for_part) :: self._parts]
        with self._runtime.failing:
            make = self.part_class or PART_OF.get(self._topic, ControlPart)
            return make(self._runtime, self._topic, mine, resume_state, self._reading)
