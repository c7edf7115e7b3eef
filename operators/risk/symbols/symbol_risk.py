"""The first stage of risk: stops, silence and volatility of one shard of symbols, held against every tick."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from operators.risk.edges import cause_of_event
from operators.risk.keys import Key
from operators.risk.symbols.holders import sign_of
from operators.risk.symbols.limits import KINDS, MAX_LIMITS, Rule, takes
from operators.risk.symbols.unsent import Unsent
from operators.risk.symbols.watch_state import TRAILING_STOP, Records
from operators.risk.symbols.watches import Said
from operators.risk.symbols.watching import Watching
from schemas.alerts import Alert
from schemas.control import Control, Instrument, Limit
from schemas.dead_letters import Reason
from schemas.errors import RecoveryError, RejectedRecord
from schemas.events import NOWHERE as NO_PLACE
from schemas.events import Envelope, Event, Place
from schemas.market_frames import Bars
from schemas.numbers import check_finite
from schemas.orders import OrderCommand
from schemas.portfolio import PositionUpdate
from schemas.symbols import shard_of
from schemas.ticks import TickFrame
from schemas.times import parse_time

VERSION = 1


class Made(NamedTuple):
    """What one input made."""

    alerts: list[Event[Alert]]
    commands: list[Event[OrderCommand]]
    marks: Records
    """Shape (n,), dtype SYMBOL_MARK: a symbol at most once."""


class SymbolRisk:
    """Watches of the symbols of one shard.

    Args:
        shard: its number; limits, instruments and splits of other shards' symbols are then ignored. None: all are its own.
    """

    def __init__(self, shard: int | None = None) -> None:
        self._shard = shard
        self._watching = Watching()
        self._unsent = Unsent()

    def on_frame(self, frame: TickFrame) -> Made:
        """Apply the rows of a frame in their order."""
        for time_ns in self._watching.bench.splits_within(frame):
            self._watching.split_until(time_ns)
        return self._made([], NO_PLACE)

    def on_bars(self, bars: Bars) -> Made:
        """Take closes of bars, which mark what has neither quote nor trade."""
        if not len(bars):
            return self._made([], NO_PLACE)
        for row in self._watching.bench.take_bars(bars):
            self._watching.judge(row, 0, int(self._watching.bench.symbols.records[row]["moved_offset"]))
        return self._made([], Place("market.bars", 0, int(bars["offset"][-1])))

    def on_position(self, event: Event[PositionUpdate]) -> Made:
        """Take a version of a position. An older or equal one changes nothing.

        Raises:
            RejectedRecord: its symbol or its numbers are none.
        """
        payload, watching = event.payload, self._watching
        check_finite("quantity", payload.quantity)
        if payload.average_price is not None:
            check_finite("averagePrice", payload.average_price)
        row = watching.bench.symbols.row(payload.symbol)
        held = watching.holders.find(payload.account, payload.symbol) or watching.holders.take(event)
        if payload.version <= held.version:
            return self._made([], event.place)
        opened = 0 if held.version == 0 and payload.version > 1 else payload.version
        before, after = sign_of(held.quantity), sign_of(payload.quantity)
        ended = watching.finish(held, row, cause_of_event(event)) if before and before != after else []
        held.take(event)
        if after and before != after:
            watching.begin(held, row, opened, event)
        elif before and not after:
            ended += watching.end_silence(row, payload.symbol, cause_of_event(event))
        return self._made(ended, event.place)

    def on_limit(self, control: Control) -> Made:
        """Put a limit in force, change it or (None, or disabled) end it; what that says of present values. Again it changes nothing.

        Raises:
            RejectedRecord: there are too many.
        """
        limit, rules = control.payload, self._watching.rules
        standing = rules.by_id.get(control.id)
        rule = None
        if isinstance(limit, Limit) and takes(limit) and self._is_ours(limit.symbol if "symbol" in limit.scope else None):
            if standing is not None and (standing.limit, standing.time_ns) == (limit, control.time_ns):
                return self._made([], control.place)
            if standing is None and len(rules.by_id) >= MAX_LIMITS:
                raise RejectedRecord(Reason.CONTROL, f"expected at most {MAX_LIMITS} limits in a shard of symbols, found one more")
            rule = Rule(limit, control.time_ns, self._watching.next_sequence())
        return self._made(self._watching.put(rule, control), control.place)

    def on_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        """Learn whether prices below zero are prices."""
        if self._is_ours(symbol):
            self._watching.bench.symbols.instruct(symbol, instrument)

    def on_action(self, control: Control) -> Made:
        """Take a corporate action: a split changes what prices mean when event time reaches it. Again it changes nothing."""
        if self._is_ours(getattr(control.payload, "symbol", None)):
            self._watching.await_split(control)
        return self._made([], control.place)

    def adopt(self, published: Iterable[Envelope[Alert]]) -> None:
        """Take alerts as said that were published after the snapshot that was restored."""
        for event in published:
            alert = event.payload
            if alert.rule not in KINDS or alert.symbol is None or not self._is_ours(alert.symbol):
                continue
            kind = KINDS[alert.rule]
            time_ns, rank = parse_time(event.header.timestamp), 2 * alert.episode - (alert.state == "breach")
            said = Said(kind, rank=rank, time_ns=time_ns)
            if kind <= TRAILING_STOP:
                said = Said(kind, version=alert.position_version or 0, rank=2 * alert.episode, time_ns=time_ns)
                self._unsent.put(event.header, alert)
            self._watching.adopt(alert.limit_id, Key(alert.account, alert.symbol), said)

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data: names instead of codes, arrays as bytes."""
        return {"version": VERSION, **self._watching.dump(), "unsent": self._unsent.dump()}

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on an operator that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(
                f"expected stored watches of version {VERSION}, found {stored.get('version')}",
                hint="start over with another recovery store",
            )
        self._watching.load(stored)
        self._unsent.load(stored["unsent"])

    def _made(self, ended: list[Event[Alert]], place: Place) -> Made:
        """What an input at that place made, after the clears of what it ended; NO_PLACE: each edge has its own, a tick's."""
        unsent = self._unsent.orders(self._watching.holders, self._watching.rules, place) if len(self._unsent) else []
        alerts, commands = self._watching.take_edges(place)
        return Made(ended + alerts, unsent + commands, self._watching.bench.take_marks())

    def _is_ours(self, symbol: str | None) -> bool:
        return symbol is None or self._shard is None or shard_of(symbol.encode("utf-8", "surrogatepass")) == self._shard
