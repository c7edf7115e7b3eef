"""Names that a venue changes on the way, led back to the first: an order's when it is replaced, a fill's when it is corrected.

Ours keep one name: an order keeps its id when it is replaced, and whatever busts or corrects a fill names that fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from schemas.orders import ExecType, ExecutionReport, Side

MAX_NAMES = 1_000_000
"""Of each kind; the oldest are forgotten first. What speaks of a forgotten one keeps the venue's name."""

_TRADES = frozenset({ExecType.FILL, ExecType.CORRECT})
_AMENDMENTS = frozenset({ExecType.BUST, ExecType.CORRECT})

V = TypeVar("V")


class VenueNames:
    """What one log has told so far."""

    def __init__(self) -> None:
        self._orders: dict[str, str] = {}
        self._fills: dict[str, str] = {}
        self._seen: dict[str, tuple[str | None, str | None, Side | None]] = {}
        self._venues: dict[str, str | None] = {}

    def order(self, name: str, before: str | None = None) -> str:
        """The first name of an order, which was called ``before`` until it got this one."""
        if before and before != name and name not in self._orders:
            _keep(self._orders, name, self._orders.get(before, before))
        return self._orders.get(name, name)

    def knows(self, name: str) -> bool:
        """Whether an order of this name was spoken of with another one."""
        return name in self._orders

    def completed(self, report: ExecutionReport) -> ExecutionReport:
        """A report with first names, and with account, symbol and venue from what came before where it lacks them."""
        if report.exec_type in _AMENDMENTS and report.reference_execution_id:
            named = report.reference_execution_id
            fill = self._fills.get(named, named)
            if report.execution_id and report.execution_id != fill:
                _keep(self._fills, report.execution_id, fill)
            venue = self._venues.get(fill, report.venue)  # a fill is known by its venue too
            report = msgspec.structs.replace(report, reference_execution_id=fill, venue=venue)
        elif report.exec_type in _TRADES and report.execution_id:
            _keep(self._venues, report.execution_id, report.venue)
        if report.order_id:
            report = self._with_order(report)
        return report

    def _with_order(self, report: ExecutionReport) -> ExecutionReport:
        order_id = report.order_id or ""
        account, symbol, side = self._seen.get(order_id, (None, None, None))
        account, symbol, side = report.account or account, report.symbol or symbol, report.side or side
        _keep(self._seen, order_id, (account, symbol, side))
        return msgspec.structs.replace(report, account=account, symbol=symbol, side=side)


def _keep(names: dict[str, V], name: str, value: V) -> None:
    if len(names) >= MAX_NAMES and name not in names:
        del names[next(iter(names))]
    names[name] = value


def first(fields: Mapping[str, str], *names: str) -> str | None:
    """The first of these fields that says something."""
    return next((value for name in names if (value := fields.get(name))), None)
