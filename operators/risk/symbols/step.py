"""The first stage of the risk flow as a step: ticks, bars, positions and control events in, alerts, orders and marks out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, ClassVar, cast

import msgspec
import numpy as np

from operators.risk.edges import read_alerts
from operators.risk.symbols.symbol_risk import Made, SymbolRisk
from schemas.alerts import Alert
from schemas.control import Control, Instrument
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_reading import reject_event
from schemas.events import Envelope, Event, Header, Place, RawEnvelope, Watermark
from schemas.market_frames import Bars
from schemas.orders import OrderCommand
from schemas.portfolio import PositionUpdate
from schemas.risk_frames import SYMBOL_MARK, DayBegan, SymbolMarks
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame, joined_frames
from schemas.times import DAY_NS, END_OF_TIME_NS

LIMITS, INSTRUMENTS, ACTIONS = "control.limits", "control.instruments", "control.actions"

_NO_MARKS = np.empty(0, SYMBOL_MARK)

SymbolsItem = TickFrame | Bars | Event[PositionUpdate] | Control | Watermark


class SymbolsOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made of a shard of symbols."""

    alerts: list[Event[Alert]]
    commands: list[Event[OrderCommand]]
    marks: SymbolMarks
    rejects: list[Reject]
    days: list[DayBegan] = []


class SymbolsStep:
    """One shard of symbols."""

    adopts_when_fresh: ClassVar[bool] = True

    def __init__(self, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._number = shard
        self._risk = SymbolRisk(shard)
        self._next_day_ns = 0
        """Not stored: to hear of a day again changes nothing."""
        if state is not None:
            self._risk.restore(state)

    def process(self, item: SymbolsItem) -> SymbolsOutput | None:
        """Apply one input; None where it made nothing."""
        if isinstance(item, TickFrame):
            made = self._risk.on_frame(item)
            return _output(made, self._day(item.rows[-1])) if item.rows["time"][-1] >= self._next_day_ns else _output(made)
        if isinstance(item, np.ndarray):
            return _output(self._risk.on_bars(self._ours(item)))
        if isinstance(item, Control):
            return self._control(item)
        if isinstance(item, Watermark):
            return None  # the clock is that of the ticks' partitions
        try:
            return _output(self._risk.on_position(item))
        except RejectedRecord as error:
            return _rejected(reject_event(item, Reason(error.reason), str(error)))

    def join(self, items: list[SymbolsItem]) -> list[SymbolsItem]:
        """Frames that follow one another become one: a kernel's call has a price."""
        joined: list[SymbolsItem] = []
        for is_frame, group in groupby(items, lambda item: isinstance(item, TickFrame)):
            run = list(group)
            joined += [joined_frames(cast("list[TickFrame]", run))] if is_frame else run
        return joined

    def snapshot(self) -> dict[str, Any]:
        return self._risk.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take our own alerts among these as said; those of other flows and stages are no business of ours."""
        self._risk.adopt([Envelope(header, alert) for event in events for header, alert in _alert(event)])

    def _control(self, control: Control) -> SymbolsOutput | None:
        if control.topic == LIMITS:
            try:
                return _output(self._risk.on_limit(control))
            except RejectedRecord as error:
                value = b"" if control.payload is None else msgspec.json.encode(control.payload)
                return _rejected(Reject(*control.place, -1, Reason(error.reason), str(error), value, control.time_ns))
        if control.topic == ACTIONS:
            return _output(self._risk.on_action(control))
        if control.topic == INSTRUMENTS:
            self._risk.on_instrument(control.id, cast("Instrument | None", control.payload))
        return None

    def _day(self, row: np.void) -> list[DayBegan]:
        """The day (UTC) of a row, which is later than any before; none of the end of an input."""
        time_ns = int(row["time"])
        if time_ns >= END_OF_TIME_NS:
            return []
        self._next_day_ns = (time_ns // DAY_NS + 1) * DAY_NS
        return [DayBegan(time_ns, Place("market.ticks", int(row["partition"]), int(row["offset"])))]

    def _ours(self, bars: Bars) -> Bars:
        """Bars of this shard."""
        shards = SYMBOLS.shard[bars["symbol"]]
        return bars if (shards == self._number).all() else bars[shards == self._number]


def _alert(event: RawEnvelope) -> list[tuple[Header, Alert]]:
    """The alert that a published event of this flow is, if it is one."""
    return [(event.header, alert) for alert, _ in read_alerts([event])]


def _output(made: Made, days: list[DayBegan] | None = None) -> SymbolsOutput | None:
    if not (made.alerts or made.commands or len(made.marks) or days):
        return None
    return SymbolsOutput(made.alerts, made.commands, SymbolMarks(made.marks), [], days or [])


def _rejected(reject: Reject) -> SymbolsOutput:
    return SymbolsOutput([], [], SymbolMarks(_NO_MARKS), [reject])
