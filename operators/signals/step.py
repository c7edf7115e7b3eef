"""Indicators and strategies as a step of a flow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from operators.indicators.board import BARS, Indicators, Measured
from operators.signals.desk import SOURCE, Said, StrategyDesk
from operators.signals.settings import SignalsSettings
from schemas.dead_letters import Reject
from schemas.events import LANES, Event, EventType, Header, Place, RawEnvelope, Watermark
from schemas.indicators import IndicatorUpdate
from schemas.market_frames import Bars
from schemas.orders import OrderCommand
from schemas.signals import Signal
from schemas.times import format_time

_PRIORITY = int(LANES[EventType.INDICATOR_UPDATE])

VERSION = 2
"""Of the snapshot; version 1 was that of the indicators alone."""


class OtherBars(msgspec.Struct, frozen=True, gc=False):
    """Bars of symbols that pairs name, on their way to every shard."""

    rows: Bars


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
        self._board = Indicators(replace(settings.indicators, indicators=(*self._published, *self._extra)))
        if state is not None and state["version"] == VERSION:
            self._board.restore(state["indicators"])
            self._desk.restore(state["strategies"])
        elif state is not None:
            self._board.restore(state)

    def process(self, item: Bars | OtherBars | Watermark) -> SignalsOutput | None:
        """Apply one input; None where it made nothing. A Watermark is the end of the input."""
        if not self._published and not len(self._desk):
            return None
        rejects: list[Reject] = []
        if isinstance(item, OtherBars):
            measured = self._board.on_others(item.rows)
        elif isinstance(item, Watermark):
            measured = self._board.on_end()
        else:
            measured, rejects = self._board.on_bars(item)
        if not measured and not rejects:
            return None
        said = self._desk.on_measured(measured) if len(self._desk) else Said()
        return SignalsOutput(self._updates(measured), said.signals, said.commands, rejects + said.rejects)

    def _updates(self, measured: Sequence[Measured]) -> list[Event[IndicatorUpdate]]:
        if not self._published:
            return []
        if not self._extra:
            return [indicator_event(one, one.values) for one in measured]
        return [indicator_event(one, {text: one.values[text] for text in self._published}) for one in measured]

    def join(self, items: list[Any]) -> list[Any]:
        return items

    def snapshot(self) -> dict[str, Any]:
        return {"version": VERSION, "indicators": self._board.snapshot(), "strategies": self._desk.snapshot()}

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """What is said follows from each symbol's bars in their order."""


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
