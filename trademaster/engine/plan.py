"""What the supervisor tells its workers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker is told, as JSON."""

    flows: list[str]
    settings: dict[str, Any]
    """The whole settings, as ``Settings.model_dump(mode="json")`` gives them."""
    addresses: list[str]
    """``host:port`` of each worker; empty if there is but one."""
    engine_store: str | None
    state_folder: str | None
    counters: str
    until_end: bool = False
    """End where the topics ended at the start, instead of waiting for more."""
    lanes: list[int] = field(default_factory=list)
    """Inherited file of each worker's lane of shared memory; empty: there is none, and what crosses is pickled."""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Plan:
        return cls(**json.loads(path.read_text()))
