"""Indicators and strategies as a step of a flow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, ClassVar, cast

import msgspec

from operators.indicators.board import BARS, Indicators
from operators.indicators.measured import Measured
from operators.indicators.names import parse_indicators
from operators.indicators.settings import IndicatorSettings
from operators.orderflow.shard import OrderFlow
from operators.signals.desk import SOURCE, Said, StrategyDesk
from operators.signals.settings import SignalsSettings
from schemas.dead_letters import Reject
from schemas.events import LANES, Event, EventType, Header, Place, RawEnvelope, Watermark
from schemas.indicators import IndicatorUpdate
from schemas.market_frames import Bars
from schemas.orders import OrderCommand
from schemas.signals import Signal
from schemas.ticks import TickFrame, joined_frames
from schemas.times import END_OF_TIME_NS, format_time

_PRIORITY = int(LANES[EventType.INDICATOR_UPDATE])

VERSION = 2
"""Of the snapshot; version 1 was that of the indicators alone."""


class OtherBars(msgspec.Struct, frozen=True, gc=False):
    """Bars of symbols that pairs name, on their way to every shard."""

    rows: Bars


SignalsItem = Bars | OtherBars | TickFrame | Watermark


class SignalsOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made, by topic."""

    indicators: list[Event[IndicatorUpdate]]
    signals: list[Event[Signal]]
    commands: list[Event[OrderCommand]]
    rejects: list[Reject]


class SignalsStep:
    """One shard."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(self, settings: SignalsSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        del shard
        self._desk = StrategyDesk(settings)
        self._published = settings.indicators.indicators
        self._extra = self._desk.extra_indicators
        computed = all_indicators(settings)
        self._board = Indicators(computed)
        self._flow = OrderFlow(computed) if reads_ticks(computed) else None
        self._has_ended = {"bars": False, "ticks": self._flow is None}
        if state is not None and state["version"] == VERSION:
            self._board.restore(state["indicators"])
            self._desk.restore(state["strategies"])
            if self._flow is not None and state["flow"] is not None:
                self._flow.restore(state["flow"])
        elif state is not None:
            self._board.restore(state)

    def process(self, item: SignalsItem) -> SignalsOutput | None:
        """Apply one input; None where it made nothing. A Watermark is the end of the bars."""
        if not self._published and not len(self._desk):
            return None
        rejects: list[Reject] = []
        if isinstance(item, TickFrame):
            measured = self._on_ticks(item)
        elif isinstance(item, OtherBars):
            measured = self._board.on_others(item.rows)
        elif isinstance(item, Watermark):
            measured = self._on_end("bars")
        else:
            measured, rejects = self._board.on_bars(item)
        if not measured and not rejects:
            return None
        said = self._desk.on_measured(measured) if len(self._desk) else Said()
        return SignalsOutput(self._updates(measured), said.signals, said.commands, rejects + said.rejects)

    def _on_ticks(self, frame: TickFrame) -> list[Measured]:
        if self._flow is None:
            return []
        measured = self._board.on_flow(self._flow.on_frame(frame))
        is_end = len(frame) and frame.rows[-1]["watermark"] == END_OF_TIME_NS
        return measured + self._on_end("ticks") if is_end else measured

    def _on_end(self, what: str) -> list[Measured]:
        """What waits is said when neither bars nor ticks come any more."""
        self._has_ended[what] = True
        return self._board.on_end() if all(self._has_ended.values()) else []

    def _updates(self, measured: Sequence[Measured]) -> list[Event[IndicatorUpdate]]:
        if not self._published:
            return []
        if not self._extra:
            return [indicator_event(one, one.values) for one in measured]
        return [indicator_event(one, {text: one.values[text] for text in self._published}) for one in measured]

    def join(self, items: list[SignalsItem]) -> list[SignalsItem]:
        """Frames that follow one another become one."""
        if self._flow is None:
            return items
        joined: list[SignalsItem] = []
        for is_frame, group in groupby(items, lambda item: isinstance(item, TickFrame)):
            run = list(group)
            joined += [joined_frames(cast("list[TickFrame]", run))] if is_frame else run
        return joined

    def snapshot(self) -> dict[str, Any]:
        flow = None if self._flow is None else self._flow.snapshot()
        return {"version": VERSION, "indicators": self._board.snapshot(), "strategies": self._desk.snapshot(), "flow": flow}

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """What is said follows from each symbol's bars in their order."""


def reads_ticks(settings: IndicatorSettings) -> bool:
    """Whether any of these indicators is made of ticks."""
    return any(definition.kind.is_flow for definition in parse_indicators(settings.indicators))


def all_indicators(settings: SignalsSettings) -> IndicatorSettings:
    """Those that were configured, and those that only rules name."""
    extra = StrategyDesk(settings).extra_indicators
    return replace(settings.indicators, indicators=(*settings.indicators.indicators, *extra))


def indicator_event(measured: Measured, values: dict[str, Any]) -> Event[IndicatorUpdate]:
    """The INDICATOR_UPDATE of a bar."""
    symbol, interval, bar = measured.symbol, measured.interval, measured.bar
    shown, end = interval or "", format_time(bar.end)
    header = Header(
        f"indicator|{symbol}|{shown}|{bar.end}",
        f"bar|{symbol}|{shown}|{bar.start}",
        EventType.INDICATOR_UPDATE.value,
        _PRIORITY,
        end,
        SOURCE,
    )
    return Event(header, IndicatorUpdate(symbol, interval, end, values), bar.end, Place(BARS, 0, measured.offset))
