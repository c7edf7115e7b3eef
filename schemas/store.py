"""The store as the engine sees it: where a delivery puts what it reads from the bus."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas.bus import Batch
from schemas.dead_letters import Reject


class Store(Protocol):
    """Takes records as they lie on the bus, keys included. Not thread-safe; one owner.

    A record may come again after a crash, and its partition by the hand of another process: writing the same thing twice must change
    nothing. Records of one partition come in the order of their offsets.

    While the store is out of reach, slow or full its methods wait, trying again for ever and saying so once: then nothing is read, and
    nothing is lost. They end the wait when the run shall stop.
    """

    def write(self, batch: Batch) -> Sequence[Reject]:
        """Take records of one topic; what is kept back is bounded.

        Returns:
            What the store can never take, of this batch or earlier ones; it becomes dead letters.

        Raises:
            StoreInterrupted: the run shall stop and the store is still out of reach.
            StoreError: it can never work as it is set up.
        """

    def flush(self) -> Sequence[Reject]:
        """Return when all that was written is in the store for good; results and errors as of ``write``."""

    def close(self) -> None:
        """Let go of everything; what was not flushed is read again."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a store is told when it is opened beside its settings."""

    log: str
    """Identity of the bus's log: offsets of another log are other events."""
    process: int
    """Index of the worker process, from 0."""
    stopping: threading.Event
    """Set when the run shall stop."""
    folder: Path | None = None
    """For files that outlive the process beside the delivery's stored state, which all processes share; None: nothing is kept."""
