"""The cold side of the price bands: which limit stands on which symbol, what was said of it, and the alerts.

A limit of scope ``symbol`` is one band, one of scope ``firm`` a band for each symbol, made as symbols appear. An *episode* is one breach
and its clear; episodes are counted for each (limit, symbol) and go on after a limit was deleted and set again, so that no two alerts ever
have one id. **Said is said**: what was published before a crash is adopted (episode, state), and the band is muted up to the row
that caused it, so nothing is said twice and no breach loses its clear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market.bands import BAND, BLOCK, BLOCKS, SECONDS, TAPE, begin_tape, judge
from operators.market.state import blank_tapes, grown
from schemas.alerts import Alert
from schemas.control import Limit
from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.events import LANES, Envelope, EventType, Header
from schemas.kernels import plain
from schemas.times import format_time

_CAUSE = re.compile(r"market\.ticks-(\d+)-(\d+)(?:/(\d+))?", re.ASCII)

Said = tuple[int, bool, int, int, int]
"""Of one (limit, symbol): episode, whether it is breached, and the row up to which all is said: partition, offset, index."""

NOTHING_SAID: Said = (0, False, -1, -1, -1)

TAPE_HEAD = [name for name in TAPE.names or () if not TAPE[name].shape]
"""What is stored of a tape besides the seconds that hold a price; the sums of its blocks follow from those."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A price band as it was set."""

    limit_id: str
    symbol: str | None
    """None: every symbol."""
    threshold: float
    clear: float


def rule_of(limit_id: str, limit: Limit | None) -> Rule | None:
    """The band that a limit asks for; None where it asks for none (deleted, disabled, another rule).

    Raises:
        RejectedRecord: it is a price band that cannot be put in force.
    """
    if limit is None or limit.rule != "price_band" or not limit.enabled:
        return None
    clear = limit.clear if limit.clear is not None else limit.threshold * Decimal("0.9")
    found = ""
    if limit.scope not in ("symbol", "firm"):
        found = f"scope symbol or firm, found {limit.scope}"
    elif limit.scope == "symbol" and limit.symbol is None:
        found = "a symbol, found none"
    elif not (limit.threshold.is_finite() and clear.is_finite() and 0 < clear <= limit.threshold):
        found = f"0 < clear <= threshold, found clear {clear} and threshold {limit.threshold}"
    if found:
        raise RejectedRecord(Reason.CONTROL, f"limit {limit_id}: price_band expects {found}")
    return Rule(limit_id, limit.symbol if limit.scope == "symbol" else None, float(limit.threshold), float(clear))


def cause_of(partition: int, offset: int, index: int) -> str:
    """The tick that an alert comes from, as its correlation id: ``market.ticks-PARTITION-OFFSET``, ``/INDEX`` within an array."""
    return f"market.ticks-{partition}-{offset}" + (f"/{index}" if index >= 0 else "")


def alert(rule: Rule, symbol: str, episode: int, breach: bool, value: float, time_ns: int, cause: str) -> Envelope[Alert]:
    """One edge of a band as an event. The same edge makes the same event."""
    state = "breach" if breach else "clear"
    event_type = EventType.RISK_LIMIT_BREACH if breach else EventType.RISK_LIMIT_CLEARED
    key = f"symbol:{symbol}"
    alert_id = f"{rule.limit_id}|{key}|{episode}"
    header = Header(f"{alert_id}|{state}", cause, event_type.value, int(LANES[event_type]), format_time(time_ns), "market")
    return Envelope(
        header,
        Alert(
            alert_id=alert_id,
            limit_id=rule.limit_id,
            rule="price_band",
            key=key,
            symbol=symbol,
            account=None,
            state="breach" if breach else "clear",
            value=round(value, 12),  # a ratio of decimals: 0.1001, not 0.10010000000000005
            threshold=rule.threshold,
            episode=episode,
        ),
    )


class BandBook:
    """The bands of a shard.

    Attributes:
        bands: shape (capacity,), dtype BAND; a symbol's bands are a list linked by ``next``.
        tapes: shape (capacity,), dtype TAPE.
        names: (limit, symbol) of each band; None where the place is free.
    """

    def __init__(self) -> None:
        self.bands: npt.NDArray[np.void] = np.zeros(0, BAND)
        self.tapes: npt.NDArray[np.void] = blank_tapes(0)
        self.names: list[tuple[str, str] | None] = []
        self._rules: dict[str, Rule] = {}
        self._for_all: dict[str, Rule] = {}
        self._for_one: dict[str, dict[str, Rule]] = {}
        self._places: dict[str, dict[str, int]] = {}  # limit, symbol: band
        self._said: dict[tuple[str, str], Said] = {}  # of what has no band now
        self._free: list[int] = []
        self._tape_count = 0

    def rules_for(self, symbol: str) -> list[Rule]:
        """Those that a symbol falls under."""
        return [*self._for_all.values(), *self._for_one.get(symbol, {}).values()]

    def set_rule(self, rule: Rule) -> None:
        """Put a rule in force for bands to come. Bands that stand take its numbers."""
        self.forget_rule(rule.limit_id)
        self._rules[rule.limit_id] = rule
        same = self._for_all if rule.symbol is None else self._for_one.setdefault(rule.symbol, {})
        same[rule.limit_id] = rule
        for at in self._places.get(rule.limit_id, {}).values():
            self.bands[at]["threshold"], self.bands[at]["clear"] = rule.threshold, rule.clear

    def forget_rule(self, limit_id: str) -> None:
        """No band is made by this rule any more. Bands that stand are to be removed one by one."""
        rule = self._rules.pop(limit_id, None)
        if rule is not None and rule.symbol is not None:
            del self._for_one[rule.symbol][limit_id]
        self._for_all.pop(limit_id, None)

    def bands_of(self, limit_id: str) -> dict[str, int]:
        """Symbol to band, by name: an order that a restored book has too."""
        return dict(sorted(self._places.get(limit_id, {}).items()))

    def breaches_of(self, limit_id: str) -> dict[str, Said]:
        """Symbols of which a breach was said and that have no band."""
        return {key[1]: said for key, said in self._said.items() if key[0] == limit_id and said[1]}

    def rule_at(self, at: int) -> tuple[Rule, str]:
        """The rule and the symbol of a band."""
        limit_id, symbol = self.names[at] or ("", "")
        return self._rules[limit_id], symbol

    def add(self, rule: Rule, name: str, symbol: np.void) -> int:
        """A band on a symbol, with what was said of it before; its place."""
        if not self._free:
            count = len(self.bands)
            self.bands = grown(self.bands, np.zeros(max(16, count), BAND))
            self.names += [None] * (len(self.bands) - count)
            self._free = list(range(len(self.bands) - 1, count - 1, -1))
        at = self._free.pop()
        self.names[at] = (rule.limit_id, name)
        band = self.bands[at]
        band["threshold"], band["clear"], band["next"] = rule.threshold, rule.clear, symbol["band"]
        symbol["band"] = at
        symbol["bands"] += 1
        if symbol["tape"] < 0:
            if self._tape_count == len(self.tapes):
                self.tapes = grown(self.tapes, blank_tapes(max(16, self._tape_count)))
            symbol["tape"] = self._tape_count
            self._tape_count += 1
            begin_tape(self.tapes[symbol["tape"]], symbol)
        self._places.setdefault(rule.limit_id, {})[name] = at
        self._tell(at, self._said.pop((rule.limit_id, name), NOTHING_SAID))
        return at

    def remove(self, limit_id: str, name: str, symbol: np.void) -> None:
        """Take a band away; its episodes are remembered. Its symbol keeps its tape, so that a new band is in force at once."""
        at = self._places[limit_id].pop(name)
        before, following = int(symbol["band"]), self.bands[at]["next"]
        if before == at:
            symbol["band"] = following
        else:
            while self.bands[before]["next"] != at:
                before = int(self.bands[before]["next"])
            self.bands[before]["next"] = following
        symbol["bands"] -= 1
        said = self.told(at)
        if said != NOTHING_SAID:
            self._said[limit_id, name] = said
        self.names[at] = None
        self._free.append(at)

    def told(self, at: int) -> Said:
        """What has been said of a band."""
        band = self.bands[at]
        row = (int(band["muted_partition"]), int(band["muted_offset"]), int(band["muted_index"]))
        return int(band["episode"]), bool(band["breached"]), *row

    def _tell(self, at: int, said: Said) -> None:
        band = self.bands[at]
        band["episode"], band["breached"], band["muted_partition"], band["muted_offset"], band["muted_index"] = said

    def forget_breach(self, limit_id: str, symbol: str) -> None:
        """The breach of a band that is no more has been cleared."""
        episode, _, partition, offset, index = self._said[limit_id, symbol]
        self._said[limit_id, symbol] = (episode, False, partition, offset, index)

    def turn(self, at: int, breached: bool) -> int:
        """Pass a band's edge; the episode."""
        band = self.bands[at]
        band["breached"] = breached
        band["episode"] += breached
        return int(band["episode"])

    def value_now(self, at: int, symbol: np.void) -> tuple[bool, float]:
        """Whether a band is breached by present values, and the value."""
        band, tape = self.bands[at], self.tapes[symbol["tape"]]
        price, reference, breached = float(tape["price"]), float(tape["reference"]), bool(band["breached"])
        if not abs(reference) > 0.0:
            return breached, 0.0
        now = plain(judge)(price, reference, float(band["threshold"]), float(band["clear"]), breached)
        return bool(now), abs(price - reference) / abs(reference)

    def is_muted(self, at: int, symbol: np.void) -> bool:
        """Whether the row that made the present values lies before what has been said."""
        _, _, _, offset, index = self.told(at)
        return offset >= 0 and (int(symbol["offset"]), int(symbol["index"])) <= (offset, index)

    def adopt(self, published: Iterable[Envelope[Alert]]) -> None:
        """Take as said what was published after the snapshot that was restored."""
        for event in published:
            payload, cause = event.payload, _CAUSE.fullmatch(event.header.correlation_id)
            if payload.rule != "price_band" or payload.symbol is None or cause is None:
                continue
            at = self._places.get(payload.limit_id, {}).get(payload.symbol)
            if at is not None:
                self._tell(at, _later(self.told(at), payload, cause))
            else:
                key = (payload.limit_id, payload.symbol)
                self._said[key] = _later(self._said.get(key, NOTHING_SAID), payload, cause)

    def dump(self) -> dict[str, Any]:
        """Plain data: of the tapes the seconds that hold a price, the rest as it stands."""
        tapes = self.tapes[: self._tape_count]
        tape, block = np.nonzero(tapes["block_counts"])  # most are empty: do not look at their seconds
        counts = tapes["counts"].reshape(-1, BLOCKS, BLOCK)[tape, block]
        at, second = np.nonzero(counts)
        filled = tape[at] * SECONDS + block[at] * BLOCK + second
        return {
            "rules": [(rule.limit_id, rule.symbol, rule.threshold, rule.clear) for rule in self._rules.values()],
            "names": list(self.names),
            "bands": self.bands.tobytes(),
            "free": list(self._free),
            "said": list(self._said.items()),
            "tapes": [np.ascontiguousarray(tapes[name]).tobytes() for name in TAPE_HEAD],
            "filled": filled.astype(np.int32).tobytes(),
            "sums": tapes["sums"].reshape(-1, BLOCKS, BLOCK)[tape[at], block[at], second].tobytes(),
            "counts": counts[at, second].tobytes(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot."""
        self.bands = np.frombuffer(bytearray(stored["bands"]), BAND)
        self.names = [None if name is None else (name[0], name[1]) for name in stored["names"]]
        self._free = list(stored["free"])
        self._said = {(key[0], key[1]): said for key, said in stored["said"]}
        for at, name in enumerate(self.names):
            if name is not None:
                self._places.setdefault(name[0], {})[name[1]] = at
        for limit_id, symbol, threshold, clear in stored["rules"]:
            self.set_rule(Rule(limit_id, symbol, threshold, clear))
        self._tape_count = len(stored["tapes"][0]) // TAPE[TAPE_HEAD[0]].itemsize
        self.tapes = blank_tapes(self._tape_count)
        for field, column in zip(TAPE_HEAD, stored["tapes"], strict=True):
            self.tapes[field] = np.frombuffer(column, TAPE[field])
        tape, second = np.divmod(np.frombuffer(stored["filled"], np.int32), SECONDS)
        self.tapes["sums"][tape, second] = np.frombuffer(stored["sums"], np.float64)
        self.tapes["counts"][tape, second] = np.frombuffer(stored["counts"], np.int32)
        for at in range(BLOCK):  # in the order in which the kernel adds, to the same bits
            self.tapes["block_sums"] += self.tapes["sums"][:, at::BLOCK]
            self.tapes["block_counts"] += self.tapes["counts"][:, at::BLOCK]


def _later(before: Said, payload: Alert, cause: re.Match[str]) -> Said:
    """Of two sayings the later one, muted up to the later of their rows."""
    episode, silent = max((before[0], not before[1]), (payload.episode, payload.state == "clear"))
    row = (int(cause[1]), int(cause[2]), int(cause[3]) if cause[3] is not None else -1)
    if before[2] == row[0]:
        row = max(row, before[2:])
    return episode, not silent, *row
