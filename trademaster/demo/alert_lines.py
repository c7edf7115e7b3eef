"""A line of the screen for each kind of event on ``risk.alerts``."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from rich.text import Text

from schemas.alerts import Alert, TradingChange
from schemas.catalog import EVENT_PAYLOADS
from schemas.events import Envelope, EventType, Payload, RawEnvelope
from schemas.orders import OrderUpdate

TOPIC = "risk.alerts"

AMOUNTS = frozenset({"position", "order_rate"})
MONEY = frozenset({"order_notional", "daily_notional", "gross_exposure", "net_exposure", "daily_loss"})
PRICES = frozenset({"stop_loss", "take_profit"})
"""Rules whose values are no fractions."""

_decoders: Mapping[type[Payload], msgspec.json.Decoder[Payload]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Alert, TradingChange, OrderUpdate)
}


def alert_of(event: RawEnvelope) -> Envelope[Payload]:
    """The event with its payload, whose kind the type of the event tells."""
    kind = EVENT_PAYLOADS[EventType(event.header.event_type), TOPIC]
    assert kind is not None
    return Envelope(event.header, _decoders[kind].decode(event.payload))


def line_of(event: Envelope[Payload]) -> Text:
    """Its time, what happened, to whom."""
    payload = event.payload
    if isinstance(payload, Alert):
        parts = _alert(event.header.event_type, payload)
    elif isinstance(payload, TradingChange):
        parts = _trading(payload)
    else:
        assert isinstance(payload, OrderUpdate)
        parts = _order(payload)
    return Text.assemble((str(event.header.timestamp)[11:23] + "  ", "dim"), *parts, no_wrap=True, overflow="ellipsis")


def _alert(event_type: str, alert: Alert) -> tuple[tuple[str, str], str]:
    breach = alert.state == "breach"
    found = f"{alert.key}  {alert.rule} {_number(alert.rule, alert.value)}"
    if event_type in (EventType.STOP_LOSS_TRIGGERED, EventType.TAKE_PROFIT_TRIGGERED):
        return ("STOP   ", "bold magenta"), f"{alert.key}  {alert.rule} fired at {alert.value:,.2f}"
    word = ("BREACH ", "bold red") if breach else ("clear  ", "green")
    return word, f"{found} {'above' if breach else 'of'} {_number(alert.rule, alert.threshold, short=True)}  episode {alert.episode}"


def _number(rule: str, value: float, *, short: bool = False) -> str:
    if rule in AMOUNTS:
        return f"{value:,.0f}"
    if rule in MONEY or rule in PRICES:
        return f"{value:,.2f}"
    return f"{value:.1%}" if short else f"{value:.3%}"


def _trading(change: TradingChange) -> tuple[tuple[str, str], str]:
    word = ("ACTIVE ", "bold green") if change.state == "ACTIVE" else (f"{change.state:<7}", "bold red")
    return word, f"trading of {change.account or 'the firm'}  {change.reason or ''}"


def _order(order: OrderUpdate) -> tuple[tuple[str, str], str]:
    word = ("REFUSED", "bold yellow") if order.status == "REJECTED" else ("CANCEL ", "bold yellow")
    return word, f" {order.account}  {order.side} {order.quantity} {order.symbol}  {order.reason or ''}"
