"""A desk to try stops on: ticks, positions and limits as a person says them, alerts and orders as short texts."""

from __future__ import annotations

from typing import Any

import msgspec

from operators.risk.symbols.symbol_risk import Made, SymbolRisk
from schemas.alerts import Alert
from schemas.events import Envelope
from schemas.risk_frames import SymbolMarks
from schemas.symbols import SYMBOLS
from tests.operators.cases_marking import START, tick
from tests.operators.cases_risk_stops import as_frame, ended, give, limit, position

SECOND_NS = 10**9


class Desk:
    """One shard with its clock, in seconds since START; account A and AMZN unless others are named."""

    def __init__(self) -> None:
        self.risk = SymbolRisk()
        self.now = 0
        self.published: list[Envelope[Alert]] = []
        self.orders: list[Any] = []
        self.marks: list[tuple[str, float, float, float]] = []
        self._versions: dict[tuple[str, str], int] = {}

    def trade(self, price: float, symbol: str = "AMZN", seconds: float = 1) -> list[str]:
        """A trade so many seconds later; what is said."""
        return self._tick(symbol, seconds, price=price)

    def quote(self, bid: float, ask: float, symbol: str = "AMZN", seconds: float = 1) -> list[str]:
        """A quote."""
        return self._tick(symbol, seconds, bid=bid, ask=ask)

    def wait(self, seconds: float) -> list[str]:
        """The clock of the partition goes on without a tick of ours."""
        self.now += int(seconds * SECOND_NS)
        return self._said(self.risk.on_frame(as_frame([tick(None, START + self.now)])))

    def hold(self, quantity: object, price: object = None, account: str = "A", symbol: str = "AMZN") -> list[str]:
        """The next version of a position."""
        version = self._versions[account, symbol] = self._versions.get((account, symbol), 0) + 1
        return self.give(position(account, symbol, version, quantity, price, START + self.now))

    def limit(self, limit_id: str, rule: str, threshold: object, scope: str = "account+symbol", **more: Any) -> list[str]:
        """A limit is set or changed."""
        return self.give(limit(limit_id, rule, threshold, scope, **more))

    def end(self, limit_id: str) -> list[str]:
        """A limit is deleted."""
        return self.give(ended(limit_id))

    def give(self, event: Any) -> list[str]:
        """Any event that is no tick."""
        made = give(self.risk, event)
        return [] if made is None else self._said(made)

    def resume(self, stored: dict[str, Any], adopted: int) -> Desk:
        """A desk from a snapshot, that adopts so many of the alerts that were published."""
        again = Desk()
        again.now, again._versions = self.now, dict(self._versions)
        again.risk.restore(stored)
        again.risk.adopt(self.published[:adopted])
        return again

    def _tick(self, symbol: str, seconds: float, **numbers: float) -> list[str]:
        self.now += int(seconds * SECOND_NS)
        return self._said(self.risk.on_frame(as_frame([tick(symbol, START + self.now, **numbers)])))

    def _said(self, made: Made) -> list[str]:
        self.published += [alert.envelope for alert in made.alerts]
        self.orders += [order.payload for order in made.commands]
        rows = SymbolMarks(made.marks).rows
        self.marks = [(SYMBOLS.names[row["symbol"]], float(row["long"]), float(row["short"]), float(row["last"])) for row in rows]
        texts = [f"{alert.header.event_id} {alert.payload.value:g}" for alert in made.alerts]
        return texts + [f"{order.payload.side} {order.payload.quantity} {order.payload.order_type}" for order in made.commands]


def on_the_wire(alert: Envelope[Alert]) -> dict[str, Any]:
    """An alert as it is read by others."""
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(alert))
    return decoded
