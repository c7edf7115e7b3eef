"""Risk of accounts as a step of a flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from operators.risk.accounts.accounts import AccountRisk, AccountsMade
from operators.risk.edges import read_alerts
from operators.risk.settings import RiskFlowSettings
from operators.risk.together import TogetherStep
from schemas.events import Event, RawEnvelope
from schemas.orders import OrderUpdate


class AccountsRiskStep(TogetherStep[AccountsMade]):
    """One shard of accounts; it hears of orders too."""

    def __init__(self, settings: RiskFlowSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        super().__init__(AccountRisk(settings, shard), state)

    def _take_other(self, item: Event[OrderUpdate]) -> None:
        self._risk.on_order(item)

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take the alerts of this shard's accounts as said."""
        self._risk.adopt(read_alerts(events))
