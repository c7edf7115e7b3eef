"""Watches of a shard of symbols: which limit watches what, and what was said of it.

Episodes of a limit and key are counted on after a watch was taken away and set again, so that no two alerts ever have one id. **Said is
said** (law 5): what was published before a crash is adopted. Of a stop that is the version which its position had when it fired: a position
that was opened up to then has no second one. Of others it is a rank and its time, see ``watch_rules``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np

from operators.market.state import grown
from operators.risk.keys import Key
from operators.risk.symbols.limits import Rule
from operators.risk.symbols.watch_state import STALE, TRAILING_STOP, WATCH, Records

NOWHERE = -1

MAX_SAID = 1_000_000
"""Pairs of limit and key without a watch whose episodes are remembered; beyond it the oldest is forgotten and counts from 1 again."""


class Said(NamedTuple):
    """Of a limit and key."""

    kind: int
    episode: int = 0
    breached: bool = False
    """Of a stop nothing: what it holds is ``version``."""
    version: int = NOWHERE
    rank: int = 0
    time_ns: int = NOWHERE

    @property
    def lacks_clear(self) -> bool:
        """A breach was published, and is not told again."""
        return self.kind > TRAILING_STOP and self.rank % 2 == 1 and self.rank > 2 * self.episode - self.breached


class Watches:
    """The pool of watches, a list for each symbol.

    Attributes:
        pool: shape (capacity,), dtype WATCH.
        names: limit and key of each; None where the place is free. A key without an account is of the symbol.
    """

    def __init__(self) -> None:
        self.pool: Records = np.zeros(16, WATCH)
        self.names: list[tuple[str, Key] | None] = [None] * 16
        self._free = list(range(15, -1, -1))
        self._by_limit: dict[str, dict[Key, int]] = {}
        self._by_key: dict[Key, dict[str, int]] = {}
        self._said: dict[str, dict[Key, Said]] = {}
        self._said_count = 0

    def of_limit(self, limit_id: str) -> dict[Key, int]:
        """Key to watch."""
        return dict(self._by_limit.get(limit_id, {}))

    def of_key(self, key: Key) -> dict[str, int]:
        """Limit to watch."""
        return dict(self._by_key.get(key, {}))

    def add(self, rule: Rule, key: Key, symbol: np.void, seat: int, opened: int, base_ns: int) -> int:
        """A watch, with what was said of it before; its numbers are set by ``set_bounds``."""
        if not self._free:
            count = len(self.pool)
            self.pool = grown(self.pool, np.zeros(count, WATCH))
            self.names += [None] * count
            self._free = list(range(2 * count - 1, count - 1, -1))
        at, following = self._free.pop(), int(symbol["watch"])
        said = self._recall(rule.limit.limit_id, key, rule.kind)
        watch = self.pool[at]
        watch["kind"], watch["base"], watch["episode"], watch["breached"] = rule.kind, base_ns, said.episode, said.breached
        self._hold(watch, said, opened)
        watch["position"], watch["before"], watch["next"] = seat, NOWHERE, following
        if following >= 0:
            self.pool[following]["before"] = at
        symbol["watch"] = at
        symbol["watches"] += 1
        self.names[at] = (rule.limit.limit_id, key)
        self._by_limit.setdefault(rule.limit.limit_id, {})[key] = at
        self._by_key.setdefault(key, {})[rule.limit.limit_id] = at
        return at

    def set_bounds(self, at: int, rule: Rule, threshold: float) -> None:
        """The numbers of a watch."""
        watch = self.pool[at]
        watch["threshold"] = threshold
        if rule.kind == STALE:
            watch["window"] = rule.window_ns
        elif rule.kind > TRAILING_STOP:
            watch["clear"] = rule.clear()

    def remove(self, at: int, symbol: np.void) -> None:
        """Take a watch away; what was said of it is remembered."""
        limit_id, key = self.names[at] or ("", Key())
        watch = self.pool[at]
        before, following = int(watch["before"]), int(watch["next"])
        if before >= 0:
            self.pool[before]["next"] = following
        else:
            symbol["watch"] = following
        if following >= 0:
            self.pool[following]["before"] = before
        symbol["watches"] -= 1
        del self._by_limit[limit_id][key], self._by_key[key][limit_id]
        if not self._by_limit[limit_id]:
            del self._by_limit[limit_id]
        if not self._by_key[key]:
            del self._by_key[key]
        if watch["episode"] or watch["said"]:
            self._remember(limit_id, key, self._told(at))
        self.names[at] = None
        self._free.append(at)

    def unheard(self, limit_id: str) -> dict[Key, Said]:
        """Breaches of a limit that were published and that no watch can clear, by name."""
        found = {key: said for key, said in self._said.get(limit_id, {}).items() if said.lacks_clear}
        return dict(sorted(found.items(), key=lambda pair: pair[0].text))

    def hear(self, limit_id: str, key: Key) -> None:
        """Such a breach has been cleared."""
        said = self._said[limit_id][key]
        self._said[limit_id][key] = said._replace(episode=(said.rank + 1) // 2, breached=False, rank=said.rank + 1)

    def adopt(self, limit_id: str, key: Key, said: Said, opened: int) -> int:
        """Take an alert as said; its watch, NOWHERE if there is none. ``opened``: of the position that a stop watches now."""
        at = self._by_limit.get(limit_id, {}).get(key, NOWHERE)
        if at == NOWHERE:
            self._remember(limit_id, key, _later(self._recall(limit_id, key, said.kind), said))
            return NOWHERE
        self._hold(self.pool[at], _later(self._told(at), said), opened)
        return at

    def dump(self) -> dict[str, Any]:
        """As plain data."""
        said = [(limit_id, *key, *one) for limit_id, keys in self._said.items() for key, one in keys.items()]
        names = [None if name is None else (name[0], *name[1]) for name in self.names]
        texts = {"names": msgspec.msgpack.encode(names), "said": msgspec.msgpack.encode(said)}
        return {"pool": self.pool.tobytes(), "free": list(self._free), **texts}

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from ``dump``."""
        self.pool = np.frombuffer(bytearray(stored["pool"]), WATCH)
        self.names = [None if name is None else (name[0], Key(*name[1:])) for name in msgspec.msgpack.decode(stored["names"])]
        self._free = list(stored["free"])
        for at, name in enumerate(self.names):
            if name is not None:
                self._by_limit.setdefault(name[0], {})[name[1]] = at
                self._by_key.setdefault(name[1], {})[name[0]] = at
        for limit_id, account, symbol, *said in msgspec.msgpack.decode(stored["said"]):
            self._remember(limit_id, Key(account, symbol), Said(*said))

    def _hold(self, watch: np.void, said: Said, opened: int) -> None:
        """What was published. A stop goes on counting from there; others are told again, in silence, until they are there."""
        watch["version"], watch["said"], watch["said_time"] = said.version, said.rank, said.time_ns
        if watch["kind"] <= TRAILING_STOP:
            watch["episode"], watch["breached"] = max(said.episode, (said.rank + 1) // 2), opened <= said.version

    def _told(self, at: int) -> Said:
        watch = self.pool[at]
        numbers = [int(watch[name]) for name in ("version", "said", "said_time")]
        return Said(int(watch["kind"]), int(watch["episode"]), bool(watch["breached"]), *numbers)

    def _recall(self, limit_id: str, key: Key, kind: int) -> Said:
        """What was said, to be kept elsewhere from now on."""
        said = self._said.get(limit_id, {}).pop(key, None)
        if said is None:
            return Said(kind)
        self._said_count -= 1
        if not self._said[limit_id]:
            del self._said[limit_id]
        return said._replace(kind=kind, breached=said.breached and said.kind > TRAILING_STOP)

    def _remember(self, limit_id: str, key: Key, said: Said) -> None:
        self._said.setdefault(limit_id, {})[key] = said
        self._said_count += 1
        if self._said_count > MAX_SAID:
            oldest = next(iter(self._said))
            self._recall(oldest, next(iter(self._said[oldest])), said.kind)


def _later(before: Said, after: Said) -> Said:
    """What was known, and what was published after it."""
    rank, time_ns = max((before.rank, before.time_ns), (after.rank, after.time_ns))
    return before._replace(version=max(before.version, after.version), rank=rank, time_ns=time_ns)
