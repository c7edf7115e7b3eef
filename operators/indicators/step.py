"""The board of indicators as a step of a flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from operators.indicators.board import Indicators
from operators.indicators.settings import IndicatorSettings
from schemas.dead_letters import Reject
from schemas.events import Event, RawEnvelope, Watermark
from schemas.indicators import IndicatorUpdate
from schemas.market_frames import Bars


class OtherBars(msgspec.Struct, frozen=True, gc=False):
    """Bars of symbols that pairs name, on their way to every shard."""

    rows: Bars


class IndicatorsOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made, by topic."""

    indicators: list[Event[IndicatorUpdate]]
    rejects: list[Reject]


class IndicatorsStep:
    """One shard."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(self, settings: IndicatorSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        del shard
        self._board = Indicators(settings)
        if state is not None:
            self._board.restore(state)

    def process(self, item: Bars | OtherBars | Watermark) -> IndicatorsOutput | None:
        """Apply one input; None where it made nothing. A Watermark is the end of the input."""
        rejects: list[Reject] = []
        if isinstance(item, OtherBars):
            made = self._board.on_others(item.rows)
        elif isinstance(item, Watermark):
            made = self._board.on_end()
        else:
            made, rejects = self._board.on_bars(item)
        return IndicatorsOutput(made, rejects) if made or rejects else None

    def join(self, items: list[Any]) -> list[Any]:
        return items

    def snapshot(self) -> dict[str, Any]:
        return self._board.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """What is said follows from each symbol's bars in their order."""
