"""What an account holds, as far as is known here: the portfolio's last word, and the reports that it has not answered yet.

``portfolio.positions`` comes round through other flows, so it lags behind the reports that come here directly. A POSITION_UPDATE names
the report that made it (``position|account|symbol|CAUSE|version``, the report's event id), and both flows read the reports of a symbol in
the same order. So a report counts from the moment it comes until the portfolio's word is of it or of a later one, and never twice. Where
the portfolio is ahead, reports are its already until the one comes that it spoke of (or one of a later time: that one is gone).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from operators.orders.decimals import EXACT, ZERO
from schemas.events import Event
from schemas.orders import ExecutionReport
from schemas.portfolio import PositionUpdate

PENDING_KEPT = 1_000
"""Reports of a position that the portfolio has not answered; the oldest is then taken for answered, and counted."""

ACTIONS_KEPT = 16

KNOWN_KEPT = 1_000
"""Executions without an order that are known again."""

_RATE = "rate|"
"""So begins the cause of a POSITION_UPDATE that no report made, but a rate of exchange."""


class Held(msgspec.Struct):
    """One position."""

    quantity: Decimal = ZERO
    """Above 0 long: the portfolio's word."""
    version: int = 0
    pending: dict[str, Decimal] = {}
    """Signed quantity by the report's event id, in order of arrival."""
    total: Decimal = ZERO
    """Both together."""
    awaits: str | None = None
    """The report that the portfolio spoke of, and that is yet to come."""
    awaits_ns: int = 0
    actions: dict[str, None] = {}
    """Corporate actions that the quantity went through."""
    known: dict[str, None] = {}

    def report(self, event_id: str, signed: Decimal, time_ns: int) -> None:
        """A report changes the position by this much."""
        if self.awaits is not None:
            if event_id == self.awaits:
                self.awaits = None
                return
            if time_ns <= self.awaits_ns:
                return
            self.awaits = None
        self.pending[event_id] = EXACT.add(self.pending[event_id], signed) if event_id in self.pending else signed
        self.total = EXACT.add(self.total, signed)
        if len(self.pending) > PENDING_KEPT:
            self.quantity = EXACT.add(self.quantity, self.pending.pop(next(iter(self.pending))))

    def told(self, cause: str | None, quantity: Decimal, time_ns: int) -> None:
        """The portfolio says so, of this report; None: who says so names none."""
        if cause is not None and cause in self.pending:
            while (first := next(iter(self.pending))) != cause:
                del self.pending[first]
            del self.pending[cause]
        elif cause is None or not (cause in self.actions or cause.startswith(_RATE)):
            self.pending.clear()
            self.awaits, self.awaits_ns = cause, time_ns
            if cause is not None:
                self._remember(cause)
        self.quantity = quantity
        self.total = quantity
        for signed in self.pending.values():
            self.total = EXACT.add(self.total, signed)

    def act(self, action: str, ratio: Decimal) -> None:
        """A corporate action: ``ratio`` new units for an old one, unless the portfolio's word is of after it already."""
        if self.awaits == action:
            self.awaits = None
        if action in self.actions:
            return
        self._remember(action)
        self.quantity, self.total = EXACT.multiply(self.quantity, ratio), EXACT.multiply(self.total, ratio)
        for event_id, signed in self.pending.items():
            self.pending[event_id] = EXACT.multiply(signed, ratio)

    def is_new(self, key: str) -> bool:
        """Remember an execution that no order knows; False where it was known."""
        if key in self.known:
            return False
        self.known[key] = None
        if len(self.known) > KNOWN_KEPT:
            del self.known[next(iter(self.known))]
        return True

    def _remember(self, action: str) -> None:
        self.actions[action] = None
        if len(self.actions) > ACTIONS_KEPT:
            del self.actions[next(iter(self.actions))]


class Positions:
    """Of all accounts of a shard; as many as the portfolio has."""

    def __init__(self) -> None:
        self._by_account: dict[str, dict[str, Held]] = {}
        self._packed: dict[str, bytes] = {}

    def of(self, account: str, symbol: str) -> Decimal:
        """Signed quantity; 0 where none is known."""
        held = self._by_account.get(account, {}).get(symbol)
        return held.total if held else ZERO

    def on_report(self, account: str, symbol: str, event_id: str, signed: Decimal, time_ns: int) -> None:
        """A fill, bust, correction or transfer."""
        self._held(account, symbol).report(event_id, signed, time_ns)

    def on_update(self, event: Event[PositionUpdate]) -> None:
        """The portfolio's word; an older one than the last changes nothing."""
        update = event.payload
        held = self._held(update.account, update.symbol)
        if update.version > held.version:
            held.version = update.version
            held.told(_cause_of(event), update.quantity, event.time_ns)

    def on_action(self, symbol: str, action: str, ratio: Decimal) -> None:
        """A split, or (ratio 1) a dividend, of all accounts' positions in a symbol; it may be told twice."""
        for account, positions in self._by_account.items():
            if symbol in positions:
                self._held(account, symbol).act(action, ratio)

    def is_new(self, account: str, symbol: str, key: str) -> bool:
        """Remember an execution without an order; False where it was known."""
        return self._held(account, symbol).is_new(key)

    def stored(self) -> dict[str, Any]:
        """As plain data; what did not change is not packed again."""
        for account, positions in self._by_account.items():
            if account not in self._packed:
                self._packed[account] = msgspec.msgpack.encode(positions)
        return dict(self._packed)

    def load(self, stored: dict[str, Any]) -> None:
        """As they were stored."""
        self._by_account = {account: msgspec.msgpack.decode(packed, type=dict[str, Held]) for account, packed in stored.items()}
        self._packed = dict(stored)

    def _held(self, account: str, symbol: str) -> Held:
        if account in self._packed:
            del self._packed[account]
        positions = self._by_account.get(account)
        if positions is None:
            positions = self._by_account[account] = {}
        held = positions.get(symbol)
        if held is None:
            held = positions[symbol] = Held()
        return held


def signed_quantity(report: ExecutionReport, ratio: Decimal) -> Decimal:
    """What a fill or transfer adds, in today's units."""
    quantity = report.quantity or ZERO
    if ratio != 1:
        quantity = EXACT.multiply(quantity, ratio)
    return quantity.copy_negate() if report.side == "sell" else quantity


def _cause_of(event: Event[PositionUpdate]) -> str | None:
    update, identity = event.payload, event.header.event_id
    prefix, suffix = f"position|{update.account}|{update.symbol}|", f"|{update.version}"
    if not (identity.startswith(prefix) and identity.endswith(suffix) and len(identity) > len(prefix) + len(suffix)):
        return None
    return identity[len(prefix) : -len(suffix)]
