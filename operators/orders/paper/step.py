"""The paper exchange as a step of a flow: order updates, ticks and corporate actions in, execution reports out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, ClassVar, cast

import msgspec

from operators.orders.matching import PaperExchange
from operators.orders.paper.reports import Report, read_said
from operators.orders.settings import PaperSettings
from schemas.control import Action, Control
from schemas.dead_letters import Reason, Reject
from schemas.event_reading import reject_event
from schemas.events import Event, RawEnvelope, Watermark
from schemas.orders import OrderUpdate
from schemas.symbols import shard_of
from schemas.ticks import TickFrame, joined_frames

PaperItem = Event[OrderUpdate] | TickFrame | Control | Watermark


class PaperOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made, by topic."""

    reports: list[Report]
    rejects: list[Reject]


def name_of(event: Event[OrderUpdate]) -> str:
    """What an order's shard is found by: its symbol; without one it is refused wherever its account lies."""
    return event.payload.symbol or event.payload.account


class PaperStep:
    """One shard."""

    adopts_when_fresh: ClassVar[bool] = True

    def __init__(self, settings: PaperSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._venue = settings.venue
        self._number = shard
        self._exchange = PaperExchange(settings)
        if state is not None:
            self._exchange.restore(state)

    def process(self, item: PaperItem) -> PaperOutput | None:
        """Apply one input; None where it made nothing."""
        if isinstance(item, TickFrame):
            reports = self._exchange.on_frame(item)
        elif isinstance(item, Control):
            reports = self._on_control(item)
        elif isinstance(item, Watermark):
            return None  # the end of the input is told by the ticks' own
        elif not item.payload.order_id:
            return PaperOutput([], [reject_event(item, Reason.MISSING_FIELD, "orderId: expected one in an order update, found none")])
        else:
            reports = self._exchange.on_update(item)
        return PaperOutput(reports, []) if reports else None

    def join(self, items: list[PaperItem]) -> list[PaperItem]:
        """Frames that follow one another become one."""
        joined: list[PaperItem] = []
        for is_frame, group in groupby(items, lambda item: isinstance(item, TickFrame)):
            run = list(group)
            joined += [joined_frames(cast("list[TickFrame]", run))] if is_frame else run
        return joined

    def snapshot(self) -> dict[str, Any]:
        return self._exchange.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take our own reports among these as true; other venues' are no business of ours."""
        said = [one for event in events if (one := read_said(event, self._venue)) is not None]
        self._exchange.adopt([one for one in said if self._is_ours(one.report.symbol or one.key[0])])

    def _on_control(self, control: Control) -> list[Report]:
        action = control.payload
        if isinstance(action, Action) and self._is_ours(action.symbol):
            self._exchange.on_action(control)
        return []

    def _is_ours(self, name: str) -> bool:
        return shard_of(name.encode("utf-8", "surrogatepass")) == self._number
