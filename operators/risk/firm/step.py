"""Risk of the firm as a step of a flow: one instance in all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
import numpy as np

from operators.risk.accounts.order_limits import NewOrder
from operators.risk.accounts.step import Together
from operators.risk.edges import SOURCE, read_alerts
from operators.risk.firm.firm import FirmMade, FirmRisk
from operators.risk.settings import RiskFlowSettings
from schemas.alerts import Alert
from schemas.control import Control
from schemas.events import Event, RawEnvelope, Watermark
from schemas.holdings import Rate
from schemas.market_frames import Bars
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk_frames import SymbolMarks
from schemas.times import END_OF_TIME_NS


class Orders(msgspec.Struct, frozen=True, gc=False):
    """New orders of a shard of accounts."""

    orders: list[NewOrder]


FirmItem = Event[PositionUpdate] | Event[BalanceUpdate] | Event[Alert] | Orders | SymbolMarks | Bars | Rate | Control | Watermark | Together


class FirmRiskStep:
    """The firm."""

    adopts_when_fresh: ClassVar[bool] = True

    def __init__(self, settings: RiskFlowSettings, _shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._risk = FirmRisk(settings)
        if state is not None:
            self._risk.restore(state)

    def process(self, item: FirmItem) -> FirmMade | None:
        """Apply one input; None where it made nothing."""
        items = item.items if isinstance(item, Together) else [item]
        for one in items:
            self._take(one)
        is_end = any(isinstance(one, Watermark) and one.time_ns == END_OF_TIME_NS for one in items)
        made = self._risk.say(END_OF_TIME_NS if is_end else -1)
        return made if made.exposure or made.alerts or made.trading or made.audit else None

    def _take(self, item: Any) -> None:
        risk = self._risk
        if isinstance(item, SymbolMarks):
            risk.on_marks(item.rows)
        elif isinstance(item, np.ndarray):
            risk.on_bars(item)
        elif isinstance(item, Control):
            risk.on_control(item)
        elif isinstance(item, Rate):
            risk.on_rate(item)
        elif isinstance(item, Orders):
            for order in item.orders:
                risk.on_order(order)
        elif isinstance(item, Event) and isinstance(item.payload, PositionUpdate):
            risk.on_position(item)
        elif isinstance(item, Event) and isinstance(item.payload, BalanceUpdate):
            risk.on_balance(item)
        elif isinstance(item, Event):
            risk.on_alert(item)

    def join(self, items: list[Any]) -> list[Any]:
        """As one: what came at once belongs together."""
        return [Together(items)]

    def snapshot(self) -> dict[str, Any]:
        return self._risk.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take the alerts of the firm and of symbols, and changes of trading, as said."""
        kept = list(events)
        self._risk.adopt(read_alerts(kept), [event.header.event_id for event in kept if event.header.source == SOURCE])
