"""The limits that the stage of symbols watches, and the splits that change what their prices mean.

A price that was set before a split is in old shares: a stop of 95 before a split of 2 is one of 47.5 after it. Which of both came first
is told by their times where both have one, else by their arrival. A limit that is set anew is in the shares of that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from operators.portfolio.exact import quotient
from operators.risk.episodes import clear_of
from operators.risk.keys import Key
from operators.risk.symbols.watch_state import STALE, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, VOLATILITY
from schemas.control import Action, Control, Limit
from schemas.durations import parse_duration
from schemas.times import END_OF_TIME_NS, MINUTE_NS

KINDS = {
    "stop_loss": STOP_LOSS,
    "take_profit": TAKE_PROFIT,
    "trailing_stop": TRAILING_STOP,
    "stale_price": STALE,
    "volatility": VOLATILITY,
}

DEFAULT_WINDOW_NS = MINUTE_NS
"""Of ``stale_price`` where a limit names none."""

MAX_LIMITS = 1_000_000
"""In one shard; one more is refused."""

MAX_SPLITS = 100
"""Splits of a symbol that are remembered; beyond it the oldest is forgotten."""

ONE = Decimal(1)


def takes(limit: Limit) -> bool:
    """Whether a limit is watched by the stage of symbols."""
    return limit.enabled and limit.rule in KINDS and (limit.rule != "volatility" or limit.scope == "symbol")


class Rule(msgspec.Struct, frozen=True):
    """A limit in force.

    Attributes:
        time_ns: when it was set; 0: unknown, then ``sequence``, by arrival, counts.
    """

    limit: Limit
    time_ns: int
    sequence: int

    @property
    def kind(self) -> int:
        """What its watches are."""
        return KINDS[self.limit.rule]

    @property
    def is_of_symbol(self) -> bool:
        """One watch of a symbol, whoever holds it; else one of each position."""
        return self.kind == VOLATILITY or (self.kind == STALE and self.limit.scope in ("symbol", "firm"))

    @property
    def window_ns(self) -> int:
        """Of ``stale_price``."""
        return parse_duration(self.limit.window) if self.limit.window else DEFAULT_WINDOW_NS

    def key(self, account: str | None, symbol: str) -> Key:
        """What its alerts are about."""
        return Key(None if self.is_of_symbol else account, symbol)

    def clear(self) -> float:
        """Where a breach ends, of a rule that compares."""
        return float(clear_of(self.limit))


class Rules:
    """Limits in force, found by whom they hold."""

    def __init__(self) -> None:
        self.by_id: dict[str, Rule] = {}
        self._stored: dict[str, bytes] = {}
        self._by_key: dict[Key, dict[str, Rule]] = {}

    def put(self, rule: Rule) -> None:
        """Put a limit in force; the one that had its id ends."""
        self.drop(rule.limit.limit_id)
        self.by_id[rule.limit.limit_id] = rule
        self._stored[rule.limit.limit_id] = msgspec.msgpack.encode(rule)
        self._by_key.setdefault(_scope(rule.limit), {})[rule.limit.limit_id] = rule

    def drop(self, limit_id: str) -> None:
        """End a limit, if there is one."""
        rule = self.by_id.pop(limit_id, None)
        if rule is not None:
            del self._stored[limit_id]
            same = self._by_key[_scope(rule.limit)]
            del same[limit_id]
            if not same:
                del self._by_key[_scope(rule.limit)]

    def of_position(self, account: str, symbol: str) -> Iterator[Rule]:
        """Those with a watch on a position."""
        if not self.by_id:
            return
        for key in (Key(account, symbol), Key(account), Key(None, symbol), Key()):
            yield from [rule for rule in self._by_key.get(key, {}).values() if not rule.is_of_symbol]

    def of_symbol(self, symbol: str) -> Iterator[Rule]:
        """Those with a watch on a symbol, whoever holds it."""
        if not self.by_id:
            return
        for key in (Key(None, symbol), Key()):
            yield from [rule for rule in self._by_key.get(key, {}).values() if rule.is_of_symbol]

    def dump(self) -> list[bytes]:
        """As plain data."""
        return list(self._stored.values())

    def load(self, stored: Iterable[bytes]) -> None:
        """Continue from ``dump``."""
        for packed in stored:
            self.put(msgspec.msgpack.decode(packed, type=Rule))


def _scope(limit: Limit) -> Key:
    return Key(limit.account if "account" in limit.scope else None, limit.symbol if "symbol" in limit.scope else None)


@dataclass(slots=True)
class Split:
    """``ratio`` new shares for an old one.

    Attributes:
        time_ns: when; 0: when it arrived.
        sequence: when it took effect, counted with limits; 0: it has not.
    """

    identity: str
    symbol: str
    ratio: Decimal
    time_ns: int
    sequence: int = 0

    def is_after(self, rule: Rule) -> bool:
        """Whether a limit was set before it, and so speaks of old shares."""
        if not self.sequence:
            return False
        return rule.time_ns < self.time_ns if rule.time_ns and self.time_ns else rule.sequence < self.sequence


class Splits:
    """Splits of one shard of symbols: those to come, and those in effect."""

    def __init__(self) -> None:
        self._by_symbol: dict[str, dict[str, Split]] = {}

    def put(self, control: Control) -> Split | None:
        """Take a corporate action; the split if it is one that is not known."""
        action = control.payload
        if not isinstance(action, Action) or action.action != "split" or action.ratio is None:
            return None
        known = self._by_symbol.setdefault(action.symbol, {})
        identity = f"{control.id}|{control.event_id}|{control.time_ns}|{action.ratio}"
        if identity in known:
            return None
        split = known[identity] = Split(identity, action.symbol, action.ratio, control.time_ns)
        if len(known) > MAX_SPLITS:
            del known[next(iter(known))]
        return split

    def due(self, time_ns: int) -> list[Split]:
        """Those to come whose time is reached, in order of time."""
        return sorted((split for split in self._pending() if split.time_ns <= time_ns), key=lambda split: (split.time_ns, split.identity))

    def next_ns(self) -> int:
        """When the next one takes effect."""
        return min((split.time_ns for split in self._pending()), default=END_OF_TIME_NS)

    def price(self, rule: Rule, symbol: str) -> float:
        """A limit's threshold; of a rule that names a price, in the shares of now."""
        threshold = rule.limit.threshold
        if rule.kind in (STOP_LOSS, TAKE_PROFIT):
            for split in self._by_symbol.get(symbol, {}).values():
                if split.is_after(rule):
                    threshold = quotient(threshold, split.ratio)
        return float(threshold)

    def dump(self) -> list[tuple[Any, ...]]:
        """As plain data."""
        return [(s.identity, s.symbol, str(s.ratio), s.time_ns, s.sequence) for known in self._by_symbol.values() for s in known.values()]

    def load(self, stored: Iterable[tuple[Any, ...]]) -> None:
        """Continue from ``dump``."""
        for identity, symbol, ratio, time_ns, sequence in stored:
            self._by_symbol.setdefault(symbol, {})[identity] = Split(identity, symbol, Decimal(ratio), time_ns, sequence)

    def _pending(self) -> Iterator[Split]:
        return (split for known in self._by_symbol.values() for split in known.values() if not split.sequence)
