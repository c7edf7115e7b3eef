"""Risk of accounts as a step of a flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
import numpy as np

from operators.risk.accounts.accounts import AccountRisk, AccountsMade
from operators.risk.edges import read_alerts
from operators.risk.settings import RiskFlowSettings
from schemas.control import Control
from schemas.events import Event, RawEnvelope, Watermark
from schemas.holdings import Rate
from schemas.market_frames import Bars
from schemas.orders import OrderUpdate
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk_frames import SymbolMarks
from schemas.times import END_OF_TIME_NS


class Together(msgspec.Struct, frozen=True, gc=False):
    """What came at once: what it makes of exposures is evaluated at its end."""

    items: list[Any]


AccountItem = Event[PositionUpdate] | Event[BalanceUpdate] | Event[OrderUpdate] | SymbolMarks | Bars | Rate | Control | Watermark | Together


class AccountsRiskStep:
    """One shard of accounts."""

    adopts_when_fresh: ClassVar[bool] = True

    def __init__(self, settings: RiskFlowSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._risk = AccountRisk(settings, shard)
        if state is not None:
            self._risk.restore(state)

    def process(self, item: AccountItem) -> AccountsMade | None:
        """Apply one input; None where it made nothing."""
        items = item.items if isinstance(item, Together) else [item]
        for one in items:
            self._take(one)
        is_end = any(isinstance(one, Watermark) and one.time_ns == END_OF_TIME_NS for one in items)
        made = self._risk.say(END_OF_TIME_NS if is_end else -1)
        return made if made.exposure or made.alerts or made.trading or made.orders else None

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
        elif isinstance(item, Event):
            if isinstance(item.payload, PositionUpdate):
                risk.on_position(item)
            elif isinstance(item.payload, BalanceUpdate):
                risk.on_balance(item)
            else:
                risk.on_order(item)

    def join(self, items: list[Any]) -> list[Any]:
        """As one: a mark, the position under it and the balance that both made belong together."""
        return [Together(items)]

    def snapshot(self) -> dict[str, Any]:
        return self._risk.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take the alerts of this shard's accounts as said."""
        self._risk.adopt(read_alerts(events))
