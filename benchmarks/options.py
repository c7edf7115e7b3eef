"""How much to run."""

from __future__ import annotations

from dataclasses import dataclass

QUICK_EVENTS = 50_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    events: int | None = None
    """How many events, None: as many as the benchmark names."""
    quick: bool = False
    """A smoke form: answers are checked, figures say nothing and budgets are not held."""

    def count(self, full: int) -> int:
        """How many events to run for a benchmark whose full size is ``full``."""
        if self.events is not None:
            return self.events
        return QUICK_EVENTS if self.quick else full
