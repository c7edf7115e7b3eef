"""Whatever stands on ``risk.alerts`` has a line on the demo's screen."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.alerts import Alert, TradingChange
from schemas.catalog import events_of
from schemas.event_codec import open_envelope
from schemas.events import Envelope, EventType, Header, Payload, encode
from schemas.orders import OrderUpdate, Status
from trademaster.demo.alert_lines import TOPIC, alert_of, line_of


def edge(rule: str, value: float, threshold: float) -> Alert:
    return Alert("a", "L", rule, "account:A", None, "A", "breach", value, threshold, 2)


EDGE = edge("gross_exposure", 101.5, 100.0)
CHANGE = TradingChange("account", "A", "HALTED", "ACTIVE", "too much", "me")
REFUSED = OrderUpdate(
    *("O", "A", "AMZN", "buy", Status.REJECTED, "market", None, None, "day", Decimal(7), Decimal(0), Decimal(0)),
    *(None, None, None, None, None, None, "POSITION: too large", 1),
)
OF_KIND: dict[type[Payload], Payload] = {Alert: EDGE, TradingChange: CHANGE, OrderUpdate: REFUSED}


@pytest.mark.parametrize("event_type", [row.event_type for row in events_of(TOPIC)])
def test_each_type_has_a_line(event_type: EventType) -> None:
    kind = next(row.payload for row in events_of(TOPIC) if row.event_type is event_type)
    assert kind is not None
    header = Header("e", "c", event_type.value, 1, "2026-01-02T14:30:00.123456789Z", "risk")
    line = line_of(alert_of(open_envelope(encode(Envelope(header, OF_KIND[kind]))))).plain
    assert line.startswith("14:30:00.123")
    assert any(word in line for word in ("account:A", "trading of A", "A  buy 7 AMZN  POSITION: too large"))


def test_numbers_are_shown_as_what_they_are() -> None:
    header = Header("e", "c", "RISK_LIMIT_BREACH", 1, "2026-01-02T14:30:00Z", "risk")
    assert "gross_exposure 101.50 above 100.00  episode 2" in line_of(Envelope(header, EDGE)).plain
    assert "drawdown 10.500% above 10.0%" in line_of(Envelope(header, edge("drawdown", 0.105, 0.1))).plain
    assert "position 250 above 200" in line_of(Envelope(header, edge("position", 250.0, 200.0))).plain
