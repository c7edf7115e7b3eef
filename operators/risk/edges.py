"""What is said at an edge of a limit, and what caused it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from operators.risk.keys import Key
from schemas.alerts import Alert
from schemas.control import Control
from schemas.events import LANES, Event, EventType, Header, Place, RawEnvelope
from schemas.times import format_time, parse_time

SOURCE = "risk"

TYPE_OF_RULE = {
    "position": EventType.POSITION_LIMIT_EXCEEDED,
    "margin_cushion": EventType.MARGIN_CALL,
    "stop_loss": EventType.STOP_LOSS_TRIGGERED,
    "trailing_stop": EventType.STOP_LOSS_TRIGGERED,
    "take_profit": EventType.TAKE_PROFIT_TRIGGERED,
}
"""Type of a breach; RISK_LIMIT_BREACH of all other rules. What ends is RISK_LIMIT_CLEARED."""

_TYPES = {EventType.RISK_LIMIT_BREACH, EventType.RISK_LIMIT_CLEARED, *TYPE_OF_RULE.values()}
_decode = msgspec.json.Decoder(Alert).decode


class Cause(NamedTuple):
    """Of an edge: when it happened, and of what."""

    time_ns: int
    correlation_id: str
    place: Place


def cause_of_event(event: Event[Any]) -> Cause:
    """An event: its correlation is handed on."""
    return Cause(event.time_ns, event.header.correlation_id, event.place)


def cause_of_balance(event: Event[Any]) -> Cause:
    """A balance. One that a mark made has no correlation but its own id; so the mark itself is named."""
    is_own = event.header.correlation_id == event.header.event_id
    return cause_of_record(event.time_ns, event.place) if is_own and event.place.topic == "market.ticks" else cause_of_event(event)


def cause_of_control(control: Control, now_ns: int) -> Cause:
    """A control event. One without a time happened at ``now_ns``; none happened before that, for it is in force when it arrives."""
    return Cause(max(control.time_ns, now_ns), control.event_id or f"{control.topic}|{control.id}", control.place)


def cause_of_record(time_ns: int, place: Place) -> Cause:
    """A record that is known by its place alone, such as a tick: ``market.ticks-PARTITION-OFFSET``."""
    return Cause(time_ns, "-".join(map(str, place)), place)


def alert_event(
    limit_id: str, rule: str, threshold: float, key: Key, episode: int, breach: bool, value: float, cause: Cause
) -> Event[Alert]:
    """One edge: its id is ``limitId|key|episode|state``."""
    identity, state = f"{limit_id}|{key.text}|{episode}", "breach" if breach else "clear"
    kind = TYPE_OF_RULE.get(rule, EventType.RISK_LIMIT_BREACH) if breach else EventType.RISK_LIMIT_CLEARED
    payload = Alert(
        alert_id=identity,
        limit_id=limit_id,
        rule=rule,
        key=key.text,
        symbol=key.symbol,
        account=key.account,
        state="breach" if breach else "clear",
        value=round(value, 12),  # of decimals: 0.1001, not 0.10010000000000005
        threshold=threshold,
        episode=episode,
    )
    header = Header(f"{identity}|{state}", cause.correlation_id, kind.value, int(LANES[kind]), format_time(max(cause.time_ns, 0)), SOURCE)
    return Event(header, payload, cause.time_ns, cause.place)


def read_alerts(events: Iterable[RawEnvelope]) -> Iterator[tuple[Alert, int]]:
    """The alerts of this flow among published events, with their times in ns. Others stand on the same topic."""
    for event in events:
        if event.header.source == SOURCE and event.header.event_type in _TYPES:
            yield _decode(event.payload), parse_time(event.header.timestamp)
