"""Risk of the firm as a step of a flow: one instance in all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from operators.risk.accounts.order_limits import NewOrder
from operators.risk.edges import SOURCE, read_alerts
from operators.risk.firm.firm import FirmMade, FirmRisk
from operators.risk.settings import RiskFlowSettings
from operators.risk.together import TogetherStep
from schemas.alerts import Alert
from schemas.events import Event, RawEnvelope


class Orders(msgspec.Struct, frozen=True, gc=False):
    """New orders of a shard of accounts."""

    orders: list[NewOrder]


class FirmRiskStep(TogetherStep[FirmMade]):
    """The firm; it hears of new orders and of the alerts of symbols too."""

    def __init__(self, settings: RiskFlowSettings, _shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        super().__init__(FirmRisk(settings), state)

    def _take_other(self, item: Orders | Event[Alert]) -> None:
        if isinstance(item, Orders):
            for order in item.orders:
                self._risk.on_order(order)
        else:
            self._risk.on_alert(item)

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take the alerts of the firm and of symbols, and changes of trading, as said."""
        kept = list(events)
        self._risk.adopt(read_alerts(kept), [event.header.event_id for event in kept if event.header.source == SOURCE])
