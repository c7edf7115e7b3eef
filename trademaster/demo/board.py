"""What the demo shows: the latest mark of each symbol, its last bars, the last alerts. Fed from the bus, drawn by ``view``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from schemas.alerts import Alert
from schemas.bus import Batch
from schemas.events import Envelope
from schemas.market import Bar, Mark

BARS_SHOWN = 24
ALERTS_SHOWN = 8

TOPICS = ("market.marks", "market.bars", "risk.alerts")

_marks = msgspec.json.Decoder(Envelope[Mark]).decode
_bars = msgspec.json.Decoder(Envelope[Bar]).decode
_alerts = msgspec.json.Decoder(Envelope[Alert]).decode


@dataclass(slots=True)
class Row:
    """One symbol."""

    mark: Mark | None = None
    bar: Bar | None = None
    closes: deque[float] = field(default_factory=lambda: deque(maxlen=BARS_SHOWN))
    """Closes of the last bars of the interval shown."""
    in_breach: bool = False


@dataclass(slots=True)
class Board:
    """All that is on the screen."""

    interval: str
    """Bars of this interval are shown."""
    rows: dict[str, Row] = field(default_factory=dict)
    alerts: deque[Envelope[Alert]] = field(default_factory=lambda: deque(maxlen=ALERTS_SHOWN))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS, 0))
    time: str = ""
    """Event time of the latest mark, RFC 3339."""

    def apply(self, batch: Batch) -> None:
        """Take what was read of one of TOPICS."""
        values = list(batch.values())
        self.counts[batch.topic] += len(values)
        if batch.topic == "market.marks":
            self._marks(map(_marks, values))
        elif batch.topic == "market.bars":
            self._bars(map(_bars, values))
        else:
            self._alerts(map(_alerts, values))

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

    def _alerts(self, events: Iterable[Envelope[Alert]]) -> None:
        for event in events:
            self.alerts.appendleft(event)
            if event.payload.symbol:
                self._row(event.payload.symbol).in_breach = event.payload.state == "breach"
