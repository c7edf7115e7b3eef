"""What watches what: limits, positions and splits come and go, and watches with them.

A position is one from flat to flat, or to a flip, and a stop fires once for it. Its extreme starts at the price that opened it and takes in
what is traded after it is known here; adds leave it alone. A position that was open when it was first heard of starts at its average
price, and counts as the one that a stop fired for before, if any did. Of a position at most one stop orders that it be closed, though each
of them is said. Silence counts for what somebody holds; a symbol that never had a tick is silent since it was first held. What is ended by
a limit or by a position that is closed gets its clear, but for stops.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from operators.portfolio.calendar import AHEAD_NS
from operators.risk.edges import Cause, alert_event
from operators.risk.keys import Key, covers
from operators.risk.symbols.bench import NO_CLOCK, Bench
from operators.risk.symbols.holders import NOWHERE, Held, Holders, sign_of
from operators.risk.symbols.limits import KINDS, Rule, Rules, Split, Splits
from operators.risk.symbols.stop_events import closing_order, tick_id, watch_alert
from operators.risk.symbols.watch_rules import catch_up, rank_of
from operators.risk.symbols.watch_state import STALE, TRAILING_STOP, VOLATILITY
from operators.risk.symbols.watches import Said
from schemas.alerts import Alert
from schemas.control import Control
from schemas.events import Event, Place
from schemas.kernels import plain
from schemas.orders import OrderCommand
from schemas.portfolio import PositionUpdate
from schemas.times import SECOND_NS

_RULE_OF = {kind: rule for rule, kind in KINDS.items()}


class Watching:
    """Limits, positions and splits of one shard of symbols, and their watches."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.holders = Holders()
        self.rules = Rules()
        self._splits = Splits()
        self._sequence = 0

    def next_sequence(self) -> int:
        """Counts limits and splits as they come into force."""
        self._sequence += 1
        return self._sequence

    def judge(self, row: int, time_ns: int, offset: int, *, watched_otherwise: bool = False) -> None:
        """Hold a symbol's present values against its watches, because of a record of that time (0: none of its own) and place."""
        if self.bench.symbols.records[row]["watches"]:
            self.bench.judge(row, max(self._now(row), time_ns), offset, watched_otherwise=watched_otherwise)

    def begin(self, held: Held, row: int, opened: int, event: Event[PositionUpdate]) -> None:
        """A position begins, at that version: what watches it, and what that says at present prices."""
        bench, symbol, price = self.bench, self.bench.symbols.records[row], event.payload.average_price
        bench.settle(row)
        seat = bench.seats.sit(symbol, sign_of(held.quantity), None if price is None else float(price))
        if symbol["count"] == 1:
            bench.symbols.note(row)
        held.opened, held.opened_ns, held.is_closing = opened, event.time_ns, False
        self.holders.begin(held, seat)
        for rule in self.rules.of_position(held.account, held.symbol):
            self._add(rule, Key(held.account, held.symbol), row)
        standing = bench.watches.of_key(Key(None, held.symbol))
        for rule in self.rules.of_symbol(held.symbol):
            if rule.limit.limit_id not in standing:
                self._add(rule, Key(None, held.symbol), row)
        self.judge(row, event.time_ns, event.place.offset, watched_otherwise=True)

    def finish(self, held: Held, row: int, cause: Cause) -> list[Event[Alert]]:
        """A position ends; the clears of what watched it."""
        watches = self.bench.watches.of_key(Key(held.account, held.symbol))
        ended = [clear for _, at in sorted(watches.items()) for clear in self._end(at, row, cause)]
        self.bench.seats.rise(self.bench.symbols.records[row], held.seat)
        self.holders.finish(held)
        return ended

    def end_silence(self, row: int, symbol: str, cause: Cause) -> list[Event[Alert]]:
        """Nobody may hold a symbol any more: then nobody misses its ticks."""
        if self.bench.symbols.records[row]["count"]:
            return []
        watches = sorted(self.bench.watches.of_key(Key(None, symbol)).items())
        silences = [at for _, at in watches if self.bench.watches.pool[at]["kind"] == STALE]
        return [clear for at in silences for clear in self._end(at, row, cause)]

    def put(self, rule: Rule | None, control: Control) -> list[Event[Alert]]:
        """Put a limit in force in the place of what had its id; None: nothing. The clears of what it ended."""
        standing, watches = self.rules.by_id.get(control.id), self.bench.watches
        keys = self._keys(rule) if rule is not None else []
        kept = set(keys) if rule is not None and standing is not None and rule.kind == standing.kind else set[Key]()
        ended = []
        for key, at in sorted(watches.of_limit(control.id).items(), key=lambda pair: pair[0].text):
            if key not in kept:
                row = self.bench.symbols.row(key.symbol or "")
                ended += self._end(at, row, self._cause(control, row))
        self.rules.drop(control.id)
        for key, said in watches.unheard(control.id).items():
            if rule is None or rule.kind != said.kind or not covers(rule.limit, key):
                watches.hear(control.id, key)
                row = self.bench.symbols.row(key.symbol or "")
                cause = self._cause(control, row)
                cause = cause._replace(time_ns=self._tick_time(said.kind, row, cause))
                ended.append(alert_event(control.id, _RULE_OF[said.kind], 0.0, key, (said.rank + 1) // 2, False, 0.0, cause))
        if rule is not None:
            self.rules.put(rule)
            self._watch(rule, keys, control)
        return ended

    def await_split(self, control: Control) -> None:
        """Take a corporate action; a split whose time is near takes effect at once, as it does in positions (``AHEAD_NS``)."""
        split = self._splits.put(control)
        if split is None:
            return
        row = self.bench.symbols.find(split.symbol)
        now_ns = max(self.bench.clock(row), self._now(row)) if row >= 0 else max(int(self.bench.clocks.max()), 0)
        if split.time_ns <= now_ns + AHEAD_NS:
            self._apply(split, now_ns, control.place.offset)
        self.bench.await_split(self._splits.next_ns())

    def split_until(self, time_ns: int) -> None:
        """Event time has come so far: splits take effect."""
        for split in self._splits.due(time_ns):
            self._apply(split, time_ns, 0)
        self.bench.await_split(self._splits.next_ns())

    def adopt(self, limit_id: str, key: Key, said: Said) -> None:
        """Take an alert as said."""
        held = self.holders.find(key.account, key.symbol or "")
        at = self.bench.watches.adopt(limit_id, key, said, held.opened if held else 0)
        if at != NOWHERE:
            self.bench.rejudge(self.bench.symbols.row(key.symbol or ""))

    def take_edges(self, place: Place) -> tuple[list[Event[Alert]], list[Event[OrderCommand]]]:
        """What the edges that were passed say, and the orders that they ask for."""
        alerts, commands = [], []
        for edge in self.bench.take_edges():
            at = int(edge["watch"])
            limit_id, key = self.bench.watches.names[at] or ("", Key())
            rule, held = self.rules.by_id[limit_id], self.holders.find(key.account, key.symbol or "")
            where = place if place.topic else Place("market.ticks", max(int(edge["partition"]), 0), int(edge["place"]))
            cause = Cause(int(edge["time"]), tick_id(int(edge["partition"]), int(edge["offset"]), int(edge["index"])), where)
            threshold = self._threshold(rule, at)
            alert = watch_alert(rule, key, held, threshold, int(edge["episode"]), bool(edge["breach"]), float(edge["value"]), cause)
            alerts.append(alert)
            if held is not None and rule.kind <= TRAILING_STOP:
                self.bench.watches.pool[at]["version"] = held.version
                if rule.limit.on_trigger == "close" and not held.is_closing:
                    held.is_closing = True
                    commands.append(closing_order(alert.payload, held, alert.header, alert.time_ns, where))
        return alerts, commands

    def dump(self) -> dict[str, Any]:
        """As plain data."""
        parts = {"bench": self.bench.dump(), "holders": self.holders.dump(), "splits": self._splits.dump()}
        return {**parts, "rules": self.rules.dump(), "sequence": self._sequence}

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from ``dump``."""
        self.bench.load(stored["bench"])
        self.holders.load(stored["holders"])
        self._splits.load(stored["splits"])
        self.rules.load(stored["rules"])
        self._sequence = stored["sequence"]

    def _keys(self, rule: Rule) -> list[Key]:
        """What a limit watches now, by name."""
        limit = rule.limit
        account = limit.account if "account" in limit.scope else None
        symbol = limit.symbol if "symbol" in limit.scope else None
        if rule.kind == VOLATILITY:
            return [Key(None, symbol)]
        held = self.holders.open_ones(account, symbol)
        if rule.is_of_symbol:
            return [Key(None, name) for name in sorted({one.symbol for one in held})]
        return [Key(one.account, one.symbol) for one in held]

    def _watch(self, rule: Rule, keys: Iterable[Key], control: Control) -> None:
        """Watch these, and judge them now."""
        watches, rows = self.bench.watches, dict[int, None]()
        standing = watches.of_limit(rule.limit.limit_id)
        for key in keys:
            row = self.bench.symbols.row(key.symbol or "")
            if key in standing:
                watches.set_bounds(standing[key], rule, self._splits.price(rule, key.symbol or ""))
            else:
                self._add(rule, key, row)
            rows[row] = None
        for row in rows:
            self.judge(row, control.time_ns, control.place.offset, watched_otherwise=True)

    def _add(self, rule: Rule, key: Key, row: int) -> None:
        held = self.holders.find(key.account, key.symbol or "")
        base_ns = NO_CLOCK
        if rule.kind == STALE:
            since = [one.opened_ns for one in self.holders.open_ones(key.account, key.symbol)]
            base_ns = max(self.bench.clock(row), min(since, default=NO_CLOCK)) or NO_CLOCK
        seat, opened = (held.seat, held.opened) if held is not None else (NOWHERE, 0)
        at = self.bench.watches.add(rule, key, self.bench.symbols.records[row], seat, opened, base_ns)
        self.bench.watches.set_bounds(at, rule, self._splits.price(rule, key.symbol or ""))

    def _end(self, at: int, row: int, cause: Cause) -> list[Event[Alert]]:
        """Take a watch away. If it is breached it gets its clear, if that is news; a stop has none."""
        watches, symbol = self.bench.watches, self.bench.symbols.records[row]
        watch, (limit_id, key) = watches.pool[at], watches.names[at] or ("", Key())
        rule, held = self.rules.by_id[limit_id], self.holders.find(key.account, key.symbol or "")
        ended = []
        if rule.kind > TRAILING_STOP:
            cause = cause._replace(time_ns=self._tick_time(rule.kind, row, cause))
            plain(catch_up)(watch, cause.time_ns)
        if rule.kind > TRAILING_STOP and watch["breached"]:
            watch["breached"] = 0
            value = int(watch["window"]) / SECOND_NS if rule.kind == STALE else math.sqrt(np.nan_to_num(symbol["realized_variance"]))
            if plain(rank_of)(watch) > watch["said"]:
                ended = [watch_alert(rule, key, held, self._threshold(rule, at), int(watch["episode"]), False, value, cause)]
        watches.remove(at, self.bench.symbols.records[row])
        return ended

    def _apply(self, split: Split, now_ns: int, offset: int) -> None:
        """A split takes effect now: prices and extremes of before it, and thresholds that were set before it."""
        split.sequence = self.next_sequence()
        row = self.bench.symbols.find(split.symbol)
        if row < 0:
            return
        new = [one.seat for one in self.holders.open_ones(None, split.symbol) if split.time_ns and one.opened_ns >= split.time_ns]
        when_ns = min(split.time_ns, now_ns)
        self.bench.split(row, float(split.ratio), split.time_ns, when_ns, new)
        for at, rule in [(at, self.rules.by_id[limit_id]) for at, limit_id in self.bench.watches_of(row)]:
            self.bench.watches.set_bounds(at, rule, self._splits.price(rule, split.symbol))
        self.judge(row, when_ns, offset)

    def _threshold(self, rule: Rule, at: int) -> float:
        """As its alerts say it: of silence what its limit says, for what is compared is the window."""
        return float(rule.limit.threshold) if rule.kind == STALE else float(self.bench.watches.pool[at]["threshold"])

    def _tick_time(self, kind: int, row: int, cause: Cause) -> int:
        """When silence or volatility ends for want of a watch: by the ticks' time, so that times of one watch never go back."""
        time_ns = self.bench.clock(row) if kind == STALE else int(self.bench.symbols.records[row]["time"])
        return time_ns if time_ns >= 0 else cause.time_ns

    def _now(self, row: int) -> int:
        """Event time of what a symbol's present values come from."""
        symbol = self.bench.symbols.records[row]
        return max(int(symbol["time"]), int(symbol["moved_time"]), 0)

    def _cause(self, control: Control, row: int) -> Cause:
        return Cause(max(self._now(row), control.time_ns), control.event_id or f"{control.topic}|{control.id}", control.place)
