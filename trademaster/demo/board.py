"""What the demo shows: marks, bars, alerts; accounts with their positions. Fed from the bus, drawn by ``view``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.alerts import Alert, TradingChange
from schemas.bus import Batch
from schemas.event_codec import open_envelope
from schemas.events import Envelope, Payload
from schemas.market import Bar, Mark
from schemas.orders import OrderUpdate
from schemas.portfolio import BalanceUpdate, PnlChange
from trademaster.demo.alert_lines import alert_of

BARS_SHOWN = 24
ALERTS_SHOWN = 8

TOPICS = ("market.marks", "market.bars", "risk.alerts", "orders.updates", "portfolio.pnl", "portfolio.accounts")

_marks = msgspec.json.Decoder(Envelope[Mark]).decode
_bars = msgspec.json.Decoder(Envelope[Bar]).decode
_orders = msgspec.json.Decoder(Envelope[OrderUpdate]).decode
_pnl = msgspec.json.Decoder(Envelope[PnlChange]).decode
_accounts = msgspec.json.Decoder(Envelope[BalanceUpdate]).decode


@dataclass(slots=True)
class Row:
    """One symbol."""

    mark: Mark | None = None
    bar: Bar | None = None
    closes: deque[float] = field(default_factory=lambda: deque(maxlen=BARS_SHOWN))
    """Closes of the last bars of the interval shown."""
    in_breach: bool = False


@dataclass(slots=True)
class Book:
    """One account."""

    balance: BalanceUpdate | None = None
    positions: dict[str, PnlChange] = field(default_factory=dict)
    fills: int = 0


@dataclass(slots=True)
class Board:
    """All that is on the screen."""

    interval: str
    """Bars of this interval are shown."""
    rows: dict[str, Row] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    alerts: deque[Envelope[Payload]] = field(default_factory=lambda: deque(maxlen=ALERTS_SHOWN))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 0))
    time: str = ""
    """Event time of the latest mark, RFC 3339."""
    trading: str = "ACTIVE"
    """Of the firm."""

    def apply(self, batch: Batch) -> None:
        """Take what was read of one of TOPICS."""
        values = list(batch.values())
        self.counts[batch.topic] += len(values)
        if batch.topic == "market.marks":
            self._marks(map(_marks, values))
        elif batch.topic == "market.bars":
            self._bars(map(_bars, values))
        elif batch.topic == "risk.alerts":
            self._alerts(alert_of(open_envelope(value)) for value in values)
        else:
            self._books(batch.topic, values)

    def _books(self, topic: str, values: Sequence[bytes]) -> None:
        for value in values:
            if topic == "orders.updates":
                update = _orders(value).payload
                self._book(update.account).fills += update.last_quantity is not None
            elif topic == "portfolio.pnl":
                position = _pnl(value).payload
                self._book(position.account).positions[position.symbol] = position
            else:
                balance = _accounts(value).payload
                self._book(balance.account).balance = balance

    def _book(self, account: str) -> Book:
        return self.books.setdefault(account, Book())

    def _row(self, symbol: str) -> Row:
        return self.rows.setdefault(symbol, Row())

    def _marks(self, events: Iterable[Envelope[Mark]]) -> None:
        for event in events:
            self._row(event.payload.symbol).mark = event.payload
            self.time = max(self.time, str(event.header.timestamp))

    def _bars(self, events: Iterable[Envelope[Bar]]) -> None:
        for event in events:
            if event.payload.interval == self.interval:
                row = self._row(event.payload.symbol)
                row.bar = event.payload
                row.closes.append(event.payload.close)

    def _alerts(self, events: Iterable[Envelope[Payload]]) -> None:
        for event in events:
            self.alerts.appendleft(event)
            payload = event.payload
            if isinstance(payload, Alert) and payload.symbol and not payload.account:
                self._row(payload.symbol).in_breach = payload.state == "breach"
            elif isinstance(payload, TradingChange) and payload.scope == "firm":
                self.trading = payload.state
