"""Said is said: after a crash an order goes again through what was published of it, in that order.

Commands and reports come from two streams, and after a crash they may come interleaved otherwise. The updates that were published since
the snapshot are a script of causes. A cause whose turn it is, is applied, and makes the same update again; any other is held until the
script is done.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from operators.orders.causes import Cause

HELD_KEPT = 1_000
"""Causes held for one order. With more, what the script waits for is not coming (its input is no longer kept): the script is given up."""


class Verdict(NamedTuple):
    """What was published of a cause whose outcome depends on more than its order."""

    reason: str | None
    """Of its refusal; None: it was accepted."""


class Script(msgspec.Struct):
    """What was published of one order and is not yet made again."""

    said: list[str]
    """Ids of updates, in their order."""
    version: int = 0
    """Of the last of them."""
    held: dict[str, Cause] = {}
    """By the id of the update that each would make."""
    reasons: dict[str, str | None] = {}
    """What was said of commands and halts, by the update's id: it is not decided again."""

    def add(self, update_id: str, version: int) -> None:
        """One more that was published."""
        self.said.append(update_id)
        self.version = max(self.version, version)

    def verdict(self, update_id: str) -> Verdict | None:
        """What was said of a cause; None: nothing that decides."""
        return Verdict(self.reasons[update_id]) if update_id in self.reasons else None

    def hold(self, update_id: str, cause: Cause) -> None:
        """Keep a cause until its turn; one that is held already is a duplicate."""
        self.held.setdefault(update_id, cause)

    def next(self) -> Cause | None:
        """The cause whose turn it is, if it has come."""
        if not self.said or self.said[0] not in self.held:
            return None
        return self.held.pop(self.said.pop(0))

    @property
    def holds_placing(self) -> bool:
        """Whether the order's placing came, and waits for its turn."""
        return any(cause.command and cause.command.payload.command == "place" for cause in self.held.values())

    @property
    def is_over(self) -> bool:
        """Done, or without hope."""
        return not self.said or len(self.held) > HELD_KEPT
