"""Limits and their episodes: an episode is one breach and its clear, counted for each limit and key (whom it holds).

    breach when value > threshold, clear when value < clear (0.9 * threshold unless set), both strictly
    margin_cushion: breach when value < threshold, clear when value > clear (threshold / 0.9 unless set)

Decimals are compared as they are. Of doubles an excess of less than 1e-12 of the largest number that made it is none: 95 / 100 - 1 is not
beyond 5%. A value that is not known (None) leaves things as they are.

**Rank.** How far a pair of limit and key has come is one number: 2n - 1 in its n-th breach, 2n after the n-th clear.

**Said is said** (law 5). What was published before a crash is adopted as the rank that was said. While what happened then is told again,
edges up to that rank are no news; if it is told otherwise, the first thing of a later time finds the pair where it was said to be, and is
judged from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from operators.portfolio.exact import multiply, quotient
from operators.risk.edges import Cause, alert_event
from operators.risk.keys import Key, covers
from schemas.alerts import Alert
from schemas.control import Limit
from schemas.control_checks import FALLS_BELOW
from schemas.errors import RecoveryError
from schemas.events import Event

VERSION = 1

TOLERANCE = 1e-12

STOPS = frozenset({"stop_loss", "take_profit", "trailing_stop"})
"""Rules without a clear: they fire once a position, and are armed again, silently, by the next one."""

_NINE_TENTHS = Decimal("0.9")
_decode = msgspec.json.Decoder(Limit).decode


class Edge(NamedTuple):
    """A limit was passed, one way or the other."""

    limit: Limit
    key: Key
    episode: int
    breach: bool
    alert: Event[Alert]
    is_news: bool
    """False: this was published before a crash; say it no more."""


class _Pair:
    """Of a limit and a key."""

    __slots__ = ("rank", "rule", "said", "said_ns", "threshold", "value")

    def __init__(self, rank: int, said: int, said_ns: int, rule: str, threshold: float, value: float) -> None:
        self.rank, self.said, self.said_ns = rank, said, said_ns
        self.rule, self.threshold, self.value = rule, threshold, value

    def catch_up(self, time_ns: int) -> None:
        """What is of a later time than all that was said comes after it."""
        if self.rank < self.said and time_ns > self.said_ns:
            self.rank = self.said

    def dump(self) -> list[Any]:
        return [self.rank, self.said, self.said_ns, self.rule, self.threshold, self.value]


class _Bounds:
    """Of a limit, exact and as doubles."""

    __slots__ = ("clear", "exact_clear", "exact_threshold", "falls", "threshold")

    def __init__(self, limit: Limit) -> None:
        self.falls = limit.rule in FALLS_BELOW
        self.exact_threshold = limit.threshold
        self.exact_clear = clear_of(limit)
        self.threshold, self.clear = float(self.exact_threshold), float(self.exact_clear)

    def is_breached(self, value: Decimal | float, scale: float, before: bool) -> bool:
        """Whether it is after a value, given whether it was before."""
        if isinstance(value, Decimal):
            bound = self.exact_clear if before else self.exact_threshold
            beyond = value < bound if self.falls != before else value > bound
        else:
            near = self.clear if before else self.threshold
            excess = near - value if self.falls != before else value - near
            beyond = excess > TOLERANCE * max(abs(value), near, scale)
        return beyond != before


class Episodes:
    """Limits in force and where each key stands under them.

    A limit that is replaced goes on counting; so does one that was deleted and is set again. Of at most MAX_PAIRS pairs that were ever
    breached it is remembered; beyond that the oldest that are not breached now are forgotten (they would count from 1 again), and where all
    are breached no more breaches are said.

    Args:
        takes: which limits are judged here; another one ends what its id stood for.

    Attributes:
        limits: in force, by id.
    """

    MAX_PAIRS = 1_000_000

    def __init__(self, takes: Callable[[Limit], bool]) -> None:
        self.limits: dict[str, Limit] = {}
        self._takes = takes
        self._bounds: dict[str, _Bounds] = {}
        self._pairs: dict[str, dict[Key, _Pair]] = {}
        self._count = 0
        self._orphans: dict[tuple[str, Key], None] = {}

    def put(self, limit_id: str, limit: Limit | None, cause: Cause) -> list[Event[Alert]]:
        """Put a limit in force, change it or (None, or disabled) end it; the clears of keys that it holds no more.

        What it holds now is for the caller to judge, with present values.
        """
        taken = limit if limit is not None and limit.enabled and self._takes(limit) else None
        ended = []
        for key, pair in self._pairs.get(limit_id, {}).items():
            if taken is None or taken.rule != pair.rule or not covers(taken, key):
                pair.catch_up(cause.time_ns)
                edge = self._end(limit_id, key, pair, cause)
                ended += [edge] if edge else []
        if taken is None:
            self.limits.pop(limit_id, None)
            self._bounds.pop(limit_id, None)
        else:
            self.limits[limit_id] = taken
            self._bounds[limit_id] = _Bounds(taken)
        return ended

    def judge(self, limit_id: str, key: Key, value: Decimal | float | None, cause: Cause, scale: float = 0.0) -> Edge | None:
        """Hold a value against a limit in force; the edge if it is passed.

        Args:
            scale: size of the numbers whose difference the value is, where that is more than the value itself: 1.0 of ``1 - a / b``.
        """
        if value is None or not math.isfinite(value):
            return None
        pair = self._pairs.get(limit_id, {}).get(key)
        if pair is not None:
            pair.catch_up(cause.time_ns)
        before = pair is not None and pair.rank % 2 == 1
        if self._bounds[limit_id].is_breached(value, scale, before) == before:
            return None
        return self._turn(limit_id, key, float(value), cause)

    def fire(self, limit_id: str, key: Key, value: Decimal | float, cause: Cause) -> Edge | None:
        """Breach a limit in force, for the caller judged it: the edge, if it stood not breached."""
        pair = self._pairs.get(limit_id, {}).get(key)
        if pair is not None:
            pair.catch_up(cause.time_ns)
        return None if pair is not None and pair.rank % 2 else self._turn(limit_id, key, float(value), cause)

    def rearm(self, limit_id: str, key: Key, time_ns: int) -> None:
        """End a breach in silence: the position under a stop is closed."""
        pair = self._pairs.get(limit_id, {}).get(key)
        if pair is not None:
            pair.catch_up(time_ns)
            pair.rank += pair.rank % 2

    def is_breached(self, limit_id: str, key: Key) -> bool:
        """Whether the last edge was a breach."""
        pair = self._pairs.get(limit_id, {}).get(key)
        return pair is not None and pair.rank % 2 == 1

    def state(self, limit_id: str, key: Key) -> int:
        """0: not breached, 1: breached, 2: what was said of it before a crash is ahead of what is known here."""
        pair = self._pairs.get(limit_id, {}).get(key)
        return 0 if pair is None else 2 if pair.rank < pair.said else pair.rank % 2

    def breached_keys(self, limit_id: str) -> list[Key]:
        """Keys that stand breached under a limit: also such as have nothing more to be judged by."""
        return [key for key, pair in self._pairs.get(limit_id, {}).items() if pair.rank % 2]

    def adopt(self, published: Iterable[tuple[Alert, int]]) -> None:
        """After ``restore`` (or afresh): take alerts, with their times in ns, as said. The caller gives those of its own keys."""
        for said, time_ns in published:
            key, rank = Key(said.account, said.symbol), 2 * said.episode - (said.state == "breach")
            pair = self._pairs.get(said.limit_id, {}).get(key)
            if pair is None:
                pair = self._remember(said.limit_id, key, said.rule)
            if pair is not None and rank > max(pair.rank, pair.said):
                if said.limit_id not in self.limits:
                    self._orphans[said.limit_id, key] = None
                pair.said, pair.said_ns = rank, max(pair.said_ns, time_ns)
                pair.rule, pair.threshold, pair.value = said.rule, said.threshold, said.value

    def end_orphans(self, cause: Cause) -> list[Event[Alert]]:
        """The clears of breaches that were said, of limits that are in force no more when time has come beyond them."""
        ended = []
        for limit_id, key in list(self._orphans):
            pair = self._pairs.get(limit_id, {}).get(key)
            if pair is not None and limit_id not in self.limits and cause.time_ns <= pair.said_ns:
                continue
            del self._orphans[limit_id, key]
            if pair is not None and limit_id not in self.limits:
                pair.catch_up(cause.time_ns)
                edge = self._end(limit_id, key, pair, cause)
                ended += [edge] if edge else []
        return ended

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        pairs = [(limit_id, list(key), *pair.dump()) for limit_id, found in self._pairs.items() for key, pair in found.items()]
        limits = [msgspec.json.encode(limit) for limit in self.limits.values()]
        return {"version": VERSION, "limits": limits, "pairs": pairs, "orphans": [(limit_id, list(key)) for limit_id, key in self._orphans]}

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on an operator that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(f"expected stored episodes of version {VERSION}, found {stored.get('version')}")
        for text in stored["limits"]:
            limit = _decode(text)
            self.limits[limit.limit_id], self._bounds[limit.limit_id] = limit, _Bounds(limit)
        for limit_id, key, *pair in stored["pairs"]:
            self._pairs.setdefault(limit_id, {})[Key(*key)] = _Pair(*pair)
        self._count = len(stored["pairs"])
        self._orphans = {(limit_id, Key(*key)): None for limit_id, key in stored["orphans"]}

    def _turn(self, limit_id: str, key: Key, value: float, cause: Cause) -> Edge | None:
        """Pass the edge."""
        limit = self.limits[limit_id]
        pair = self._pairs.get(limit_id, {}).get(key) or self._remember(limit_id, key, limit.rule)
        if pair is None:
            return None
        pair.rank += 1
        pair.rule, pair.threshold, pair.value = limit.rule, self._bounds[limit_id].threshold, value
        return self._edge(limit, key, pair, cause)

    def _end(self, limit_id: str, key: Key, pair: _Pair, cause: Cause) -> Event[Alert] | None:
        """A limit holds a key no more: the clear of its breach, if it is news and its rule has one."""
        if pair.rank % 2 == 0:
            return None
        pair.rank += 1
        if pair.rank <= pair.said or pair.rule in STOPS:
            return None
        return alert_event(limit_id, pair.rule, pair.threshold, key, pair.rank // 2, False, pair.value, cause)

    def _edge(self, limit: Limit, key: Key, pair: _Pair, cause: Cause) -> Edge:
        episode, breach = (pair.rank + 1) // 2, pair.rank % 2 == 1
        said = alert_event(limit.limit_id, pair.rule, pair.threshold, key, episode, breach, pair.value, cause)
        return Edge(limit, key, episode, breach, said, pair.rank > pair.said)

    def _remember(self, limit_id: str, key: Key, rule: str) -> _Pair | None:
        """A new pair; None: there is no room."""
        if self._count >= self.MAX_PAIRS and not self._forget():
            return None
        self._count += 1
        pair = self._pairs.setdefault(limit_id, {})[key] = _Pair(0, 0, 0, rule, 0.0, 0.0)
        return pair

    def _forget(self) -> bool:
        """Make room of a hundredth; whether any was found."""
        quiet = [(limit_id, key) for limit_id, found in self._pairs.items() for key, pair in found.items() if pair.rank % 2 == 0]
        for limit_id, key in quiet[: max(1, self.MAX_PAIRS // 100)]:
            del self._pairs[limit_id][key]
            self._count -= 1
        return bool(quiet)


def clear_of(limit: Limit) -> Decimal:
    """Where a breach ends: as set, else 90% of the threshold, of what falls below it the threshold over 0.9."""
    if limit.clear is not None:
        return limit.clear
    return quotient(limit.threshold, _NINE_TENTHS) if limit.rule in FALLS_BELOW else multiply(limit.threshold, _NINE_TENTHS)
