"""The market operator as a step of a flow: ticks and control events in, one output each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, ClassVar, cast

import msgspec
import numpy as np

from operators.market.output import MarketOutput, MarketSettings, explain
from operators.market.shard import MarketShard
from schemas.alert_codec import alert_event
from schemas.alerts import Alert
from schemas.control import Control, Instrument, Limit
from schemas.dead_letters import Reject
from schemas.events import Envelope, Event, EventType, RawEnvelope
from schemas.market_frames import BAR, MARK, Bars, Marks
from schemas.symbols import shard_of
from schemas.tick_codec import encode_tick
from schemas.ticks import TickFrame, joined_frames

TICKS, LIMITS, INSTRUMENTS = "market.ticks", "control.limits", "control.instruments"

RULE = "price_band"
"""The one rule of ``control.limits`` that is evaluated here."""

_SAID = frozenset({EventType.RISK_LIMIT_BREACH.value, EventType.RISK_LIMIT_CLEARED.value})


class StepOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made, by topic."""

    bars: Bars
    marks: Marks
    alerts: list[Event[Alert]]
    rejects: list[Reject]


_NO_BARS, _NO_MARKS = np.empty(0, BAR), np.empty(0, MARK)


class MarketStep:
    """One shard."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(self, settings: MarketSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._number = shard
        self._shard = MarketShard(settings, shard)
        if state is not None:
            self._shard.restore(state)

    def process(self, item: TickFrame | Control) -> StepOutput | None:
        """Apply one input; None where it made nothing."""
        if isinstance(item, TickFrame):
            made = self._shard.on_frame(item)
            if not (len(made.bars) or len(made.marks) or len(made.rejects)):
                return None
            return StepOutput(made.bars, made.marks, [alert_event(alert) for alert in made.alerts], rejects_of(made))
        alerts = self._control(item)
        return StepOutput(_NO_BARS, _NO_MARKS, [alert_event(alert) for alert in alerts], []) if alerts else None

    def join(self, items: list[TickFrame | Control]) -> list[TickFrame | Control]:
        """Frames that follow one another become one: a kernel's call has a price."""
        joined: list[TickFrame | Control] = []
        for is_frame, group in groupby(items, lambda item: isinstance(item, TickFrame)):
            run = list(group)
            joined += [joined_frames(cast("list[TickFrame]", run))] if is_frame else run
        return joined

    def _control(self, control: Control) -> list[Envelope[Alert]]:
        payload = control.payload
        if control.topic == LIMITS:
            assert payload is None or isinstance(payload, Limit)
            return self._shard.on_limit(control.id, payload)
        assert payload is None or isinstance(payload, Instrument)
        self._shard.on_instrument(control.id, payload)
        return []

    def snapshot(self) -> dict[str, Any]:
        return self._shard.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take the price-band alerts among these as said."""
        alerts = [event for event in events if event.header.event_type in _SAID]  # others stand on the same topic
        said = [Envelope(event.header, msgspec.json.decode(event.payload, type=Alert)) for event in alerts]
        self._shard.adopt([event for event in said if event.payload.rule == RULE and self._is_ours(event.payload)])

    def _is_ours(self, alert: Alert) -> bool:
        return alert.symbol is not None and shard_of(alert.symbol.encode("utf-8", "surrogatepass")) == self._number


def rejects_of(made: MarketOutput) -> list[Reject]:
    """The refused ticks of a frame. A tick's arrival has no clock but its partition's watermark."""
    rejects = []
    for reject, row in zip(made.rejects, made.rejected, strict=True):
        reason, detail = explain(reject, row)
        where = (int(row["partition"]), int(row["offset"]), int(row["index"]))
        rejects.append(Reject(TICKS, *where, reason, detail, encode_tick(row), int(row["watermark"])))
    return rejects
