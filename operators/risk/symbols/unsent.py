"""Orders that may not have been sent: an alert of a stop was published, then a crash came before its order was written.

So the order is made again, the same, when its position stands at the version that the alert names; who got it before knows it by its
idempotency key. If the position has gone on before, nothing is sent.
"""

from __future__ import annotations

import msgspec

from operators.risk.symbols.holders import NOWHERE, Held, Holders
from operators.risk.symbols.limits import Rules
from operators.risk.symbols.stop_events import closing_order
from schemas.alerts import Alert
from schemas.events import Event, Header, Place
from schemas.orders import OrderCommand
from schemas.times import parse_time

MAX_UNSENT = 10_000
"""Alerts that wait for their position; beyond it the oldest is forgotten."""


class _Waiting(msgspec.Struct, frozen=True):
    header: Header
    alert: Alert


class Unsent:
    """Alerts of stops that were adopted, whose limit may have asked for an order."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, header: Header, alert: Alert) -> None:
        """An alert was adopted."""
        self._waiting[alert.alert_id] = _Waiting(header, alert)
        if len(self._waiting) > MAX_UNSENT:
            del self._waiting[next(iter(self._waiting))]

    def orders(self, holders: Holders, rules: Rules, place: Place) -> list[Event[OrderCommand]]:
        """Those that can be made now, at most one a position."""
        made = []
        for identity, waiting in list(self._waiting.items()):
            alert = waiting.alert
            held = holders.find(alert.account, alert.symbol or "")
            if held is None or held.version < (alert.position_version or 0):
                continue
            rule = rules.by_id.get(alert.limit_id)
            stands = held.version == alert.position_version and held.seat != NOWHERE and not held.is_closing
            if stands and rule is None:
                continue
            del self._waiting[identity]
            if stands and rule is not None and rule.limit.on_trigger == "close":
                made.append(self._order(waiting, held, place))
        return made

    def dump(self) -> list[bytes]:
        """As plain data."""
        return [msgspec.msgpack.encode(waiting) for waiting in self._waiting.values()]

    def load(self, stored: list[bytes]) -> None:
        """Continue from ``dump``."""
        for packed in stored:
            waiting = msgspec.msgpack.decode(packed, type=_Waiting)
            self._waiting[waiting.alert.alert_id] = waiting

    def _order(self, waiting: _Waiting, held: Held, place: Place) -> Event[OrderCommand]:
        held.is_closing = True
        return closing_order(waiting.alert, held, waiting.header, parse_time(waiting.header.timestamp), place)
