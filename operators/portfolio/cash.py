"""Cash that came or went by itself: deposits, interest, fees."""

from __future__ import annotations

from schemas.events import Event
from schemas.holdings import CashMove
from schemas.orders import ExecutionReport

INCOME = frozenset(
    {
        *("interest", "fee", "fees", "commission", "rebate", "charge", "tax", "withholding"),
        *("dividend", "dividends", "coupon", "funding", "borrow", "swap", "rollover"),
    }
)
"""Reasons (in lower case) by which cash is part of the account's P&L; by any other it is a deposit or a withdrawal."""


class CashBook:
    """Which cash reports were told: the newest MAX ids of (account, execution id), to twice as many."""

    MAX = 10_000

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], None] = {}

    def take(self, event: Event[ExecutionReport]) -> list[CashMove]:
        """The move that a report tells of; none of a duplicate."""
        report = event.payload
        assert report.account is not None
        assert report.execution_id is not None
        assert report.amount is not None
        assert report.currency is not None
        key = report.account, report.execution_id
        if key in self._ids:
            return []
        self._ids[key] = None
        if len(self._ids) > 2 * self.MAX:
            self._ids = dict.fromkeys(list(self._ids)[-self.MAX :])
        is_income = (report.reason or "").strip().lower() in INCOME
        return [CashMove(*key, report.amount, report.currency, is_income, event.header.correlation_id, event.time_ns, event.place)]

    def dump(self) -> list[tuple[str, str]]:
        """Plain data."""
        return list(self._ids)

    def load(self, stored: list[tuple[str, str]]) -> None:
        """Continue from what ``dump`` returned."""
        self._ids = dict.fromkeys(stored)
