"""The one table of topics: what each carries, what keeps its order, which lane it has and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from schemas.errors import UsageError

DAYS_KEPT = 30


class Lane(IntEnum):
    """How soon a client gets an event, by the value of its header's ``priority``."""

    IN = 0
    """An input: no client waits for it."""
    CRITICAL = 1
    HIGH = 2
    STANDARD = 3
    BACKGROUND = 4


LANE_BUDGET_MS = {Lane.CRITICAL: 25, Lane.HIGH: 50, Lane.STANDARD: 100, Lane.BACKGROUND: 500}


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table."""

    name: str
    lane: Lane
    key: str
    """What the message key is."""
    partition_by: str
    """What the partition is chosen by; records of one value of it keep their order."""
    compacted: bool = False
    """Keeps the latest record of each key for ever, instead of every record for DAYS_KEPT."""
    single: bool = False
    """One partition, read whole by every shard."""


def _table() -> dict[str, Topic]:
    rows = [
        Topic("market.ticks", Lane.IN, "symbol", "symbol"),
        Topic("orders.commands", Lane.IN, "order", "account"),
        Topic("orders.events", Lane.IN, "order", "symbol"),
        *(
            Topic(f"control.{name}", Lane.IN, "own id", "one partition", compacted=True, single=True)
            for name in ("instruments", "accounts", "limits", "trading", "actions", "rules")
        ),
        Topic("risk.alerts", Lane.CRITICAL, "alert", "account:A, else symbol:X, else firm"),
        Topic("orders.updates", Lane.HIGH, "order", "account"),
        Topic("market.bars", Lane.HIGH, "symbol", "symbol"),
        Topic("market.marks", Lane.HIGH, "symbol", "symbol"),
        Topic("market.indicators", Lane.HIGH, "symbol", "symbol"),
        Topic("signals", Lane.HIGH, "symbol", "symbol"),
        Topic("portfolio.positions", Lane.STANDARD, "account and symbol", "account", compacted=True),
        Topic("portfolio.pnl", Lane.STANDARD, "account and symbol", "account", compacted=True),
        Topic("portfolio.accounts", Lane.STANDARD, "account and currency", "account", compacted=True),
        Topic("risk.exposure", Lane.STANDARD, "account", "account", compacted=True),
        Topic("system.services", Lane.BACKGROUND, "own id", "own id", compacted=True),
        Topic("system.health", Lane.BACKGROUND, "own id", "own id", compacted=True),
        Topic("analytics", Lane.BACKGROUND, "own id", "own id"),
        Topic("notifications", Lane.BACKGROUND, "own id", "own id"),
        Topic("audit", Lane.BACKGROUND, "own id", "own id"),
        Topic("dead.letters", Lane.BACKGROUND, "topic it came from", "topic"),
    ]
    return {row.name: row for row in rows}


TOPICS = _table()


def topic(name: str) -> Topic:
    """The row of a topic.

    Raises:
        UsageError: there is no such topic.
    """
    try:
        return TOPICS[name]
    except KeyError:
        raise UsageError(f"expected one of the topics, found {name!r}", hint="the topics are: " + ", ".join(TOPICS)) from None
