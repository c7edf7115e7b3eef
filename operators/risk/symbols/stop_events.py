"""What the stage of symbols says: alerts of its watches, and the order that closes a position whose stop fired."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from operators.portfolio.exact import shown
from operators.risk.edges import SOURCE, Cause, alert_event
from operators.risk.keys import Key
from operators.risk.symbols.holders import Held
from operators.risk.symbols.limits import Rule
from operators.risk.symbols.watch_state import TRAILING_STOP
from schemas.alerts import Alert
from schemas.events import LANES, Event, EventType, Header, Place
from schemas.orders import OrderCommand

MAX_ID = 128
"""Longest id of an order."""


def tick_id(partition: int, offset: int, index: int) -> str:
    """A tick as a correlation id: ``market.ticks-PARTITION-OFFSET``, ``/INDEX`` within an array; empty: there was none."""
    if partition < 0:
        return ""
    return f"market.ticks-{partition}-{offset}" + (f"/{index}" if index >= 0 else "")


def watch_alert(
    rule: Rule, key: Key, held: Held | None, threshold: float, episode: int, breach: bool, value: float, cause: Cause
) -> Event[Alert]:
    """One edge of a watch. A stop's alert names the version of its position, and is correlated with it."""
    if held is not None and rule.kind <= TRAILING_STOP:
        cause = cause._replace(correlation_id=held.correlation_id)
    limit = rule.limit
    alert = alert_event(limit.limit_id, limit.rule, threshold, rule.key(key.account, key.symbol or ""), episode, breach, value, cause)
    if held is None or rule.kind > TRAILING_STOP:
        return alert
    payload = msgspec.structs.replace(alert.payload, position_version=held.version)
    return Event(alert.header, payload, alert.time_ns, alert.place)


def closing_order(alert: Alert, held: Held, header: Header, time_ns: int, place: Place) -> Event[OrderCommand]:
    """The market order for the whole of a position, named by an alert: the same alert of the same version makes the same order."""
    identity = f"{alert.alert_id}|close"
    order_id = identity if len(identity) <= MAX_ID else f"close|{sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()}"
    command = OrderCommand(
        command="place",
        account=held.account,
        order_id=order_id,
        idempotency_key=identity,
        symbol=held.symbol,
        side="sell" if held.quantity > 0 else "buy",
        quantity=shown(held.quantity.copy_abs()),
        order_type="market",
        user=SOURCE,
    )
    kind = EventType.ORDER_COMMAND
    own = Header(identity, header.correlation_id, kind.value, int(LANES[kind]), header.timestamp, SOURCE)
    return Event(own, command, time_ns, place)
