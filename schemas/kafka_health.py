"""Which brokers answer, read from librdkafka's statistics: its errors tell when a broker goes, and not when it is back."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from schemas.errors import BusUnavailable


class _Partition(msgspec.Struct):
    partition: int
    leader: int = -1
    desired: bool = False


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition] = {}


class _Broker(msgspec.Struct):
    name: str
    nodeid: int
    state: str


class _Statistics(msgspec.Struct):
    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}


_decode = msgspec.json.Decoder(_Statistics).decode


class Health:
    """Since when the leaders of some partitions have been out of reach, and in whose words.

    Args:
        bootstrap: addresses, to be named when no broker was ever met.
        patience_s: how long an outage may last before it is an error.
    """

    def __init__(self, bootstrap: str, patience_s: float) -> None:
        self._bootstrap = bootstrap
        self._patience_s = patience_s
        self._since_s: float | None = None
        self._who = ""
        self._reason = ""
        self._fatal = ""

    def on_error(self, code: int, text: str, *, fatal: bool = False) -> None:
        """librdkafka said that something is wrong. Not yet an outage: most of it mends itself."""
        self._reason = text
        if fatal:
            self._fatal = text

    def on_statistics(self, text: bytes) -> None:
        """Statistics, once a second: the only news of a broker that is back while nothing is to be read."""
        missing = _missing(_decode(text))
        if not missing:
            self.alive()
            return
        if self._since_s is None:
            self._since_s = time.monotonic()
        self._who = missing

    def alive(self) -> None:
        """Something was received."""
        self._since_s = None
        self._reason = ""

    def said(self) -> str:
        """What is known of an outage, to end an error's message with; empty if nothing is."""
        lasted = "" if self._since_s is None else f"; no answer from broker {self._who} for {time.monotonic() - self._since_s:.0f} s"
        return lasted + (f"; {self._reason}" if self._reason else "")

    def check(self, doing: str) -> None:
        """Raises BusUnavailable if an outage is older than the patience, or if the client cannot go on."""
        if self._fatal:
            raise BusUnavailable(f"Kafka client cannot go on {doing}: {self._fatal}", hint="start again; what was acknowledged is safe")
        if self._since_s is None:
            return
        lasted_s = time.monotonic() - self._since_s
        if lasted_s > self._patience_s:
            raise BusUnavailable(
                f"no answer for {lasted_s:.0f} s from Kafka broker {self._who or self._bootstrap} while {doing}"
                + (f": {self._reason}" if self._reason else ""),
                hint="check that the broker runs and that its address and credentials are right; nothing is lost meanwhile",
            )


def _missing(statistics: _Statistics) -> str:
    """The brokers out of reach that lead a partition in use; if none is known yet, all that were tried. Empty: all well."""
    by_id: Mapping[int, _Broker] = {broker.nodeid: broker for broker in statistics.brokers.values() if broker.nodeid >= 0}
    down: set[str] = set()
    for topic in statistics.topics.values():
        for partition in topic.partitions.values():
            if partition.partition < 0 or not partition.desired:
                continue
            leader = by_id.get(partition.leader)
            if leader is None:
                down.update(broker.name for broker in statistics.brokers.values() if broker.state not in ("UP", "UPDATE"))
            elif leader.state not in ("UP", "UPDATE"):
                down.add(leader.name)
    if not down and not any(broker.state in ("UP", "UPDATE") for broker in statistics.brokers.values()):
        down.update(broker.name for broker in statistics.brokers.values())
    return ", ".join(sorted(name for name in down if "GroupCoordinator" not in name))
