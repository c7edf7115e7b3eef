"""What a delivery is: a flow that ends in a store instead of topics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows.table import FlowRow


@dataclass(frozen=True, slots=True)
class Delivery:
    """Reads topics as they lie on the bus and hands them to the store of its name. Nothing is decided on the way, so it has no steps."""

    row: FlowRow
    topics: Callable[[Any], tuple[str, ...]]
    """From the delivery's settings to the topics that it reads, each of ``row.reads``."""
    epoch_ns: Callable[[Any], int] | None = None
    """From the delivery's settings to how often its store is to have all that was read; None: as ``engine.epoch_interval`` says."""
