"""Orders that are done: remembered so that none begins anew, and so that requests that come too late are answered once.

The latest KEPT of a shard are kept by name. Of each older one remains, by account and partition, that records up to its own have been
seen: the orders of an account come in order, so one that is unknown and stands before that was done and is forgotten.
"""

from __future__ import annotations

from typing import Any

import msgspec

from operators.orders.paper.resting import Key, Resting

KEPT = 4096


class Done(msgspec.Struct, array_like=True):
    """What is kept of an order."""

    account: str
    order_id: str
    outcome: str
    reports: int
    answered: list[str]
    topic: str
    partition: int
    offset: int


class DoneOrders:
    """Memory of what is done; bounded."""

    def __init__(self) -> None:
        self._kept: dict[Key, Done] = {}
        self._forgotten: dict[tuple[str, str, int], int] = {}

    def add(self, order: Resting, outcome: str) -> None:
        """Note that an order is done; forgets the oldest when there are too many."""
        place = order.topic, order.partition, order.offset
        self._kept[order.key] = Done(order.account, order.order_id, outcome, order.reports, order.answered, *place)
        if len(self._kept) > KEPT:
            oldest = self._kept.pop(next(iter(self._kept)))
            where = oldest.account, oldest.topic, oldest.partition
            self._forgotten[where] = max(self._forgotten.get(where, -1), oldest.offset)

    def get(self, key: Key) -> Done | None:
        """An order that is done and not forgotten."""
        return self._kept.get(key)

    def was_seen(self, account: str, topic: str, partition: int, offset: int) -> bool:
        """Whether a record with an unknown order of an account is a repetition."""
        return offset <= self._forgotten.get((account, topic, partition), -1)

    def dump(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kept": [msgspec.to_builtins(done) for done in self._kept.values()],
            "forgotten": [[*where, offset] for where, offset in self._forgotten.items()],
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from what ``dump`` made."""
        kept = msgspec.convert(stored["kept"], list[Done])
        self._kept = {(done.account, done.order_id): done for done in kept}
        self._forgotten = {(account, topic, partition): offset for account, topic, partition, offset in stored["forgotten"]}
