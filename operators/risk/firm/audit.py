"""Who changed what: an AUDIT of each change of a limit or of a state of trading, and what such a state means to everybody.

Both follow from the records of one topic alone, so a record told again makes the same events; one that changes nothing makes none.
"""

from __future__ import annotations

from typing import Any

import msgspec

from operators.risk.edges import SOURCE, cause_of_control
from operators.risk.firm.halts import FIRM_NAME, name_of
from schemas.alerts import TradingChange
from schemas.control import Control, Limit, Trading
from schemas.events import LANES, Event, EventType, Header, Payload
from schemas.risk import Audit
from schemas.times import format_time

_encode = msgspec.json.encode
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    "control.limits": msgspec.json.Decoder(Limit),
    "control.trading": msgspec.json.Decoder(Trading),
}
_ACTIVE = Trading("firm", "ACTIVE")


class AuditTrail:
    """What is in force, by topic and id."""

    def __init__(self) -> None:
        self._in_force: dict[tuple[str, str], Payload] = {}
        self._said: dict[str, int] = {}

    def on_control(self, control: Control) -> tuple[list[Event[Audit]], list[Event[TradingChange]]]:
        """Take a record of one of the audited topics, or its removal."""
        if control.topic not in _decoders:
            return [], []
        own_id = name_of(control) if control.topic == "control.trading" else control.id
        key = control.topic, own_id
        before, after = self._in_force.get(key), control.payload
        if before == after:
            return [], []
        if after is None:
            del self._in_force[key]
        else:
            self._in_force[key] = after
        changes = self._trading(own_id, before, after, control) if control.topic == "control.trading" else []
        return [self._audit(own_id, before, after, control)], changes

    def limit(self, limit_id: str) -> Limit | None:
        """As it is in force, of whatever rule."""
        found = self._in_force.get(("control.limits", limit_id))
        return found if isinstance(found, Limit) else None

    def adopt(self, event_id: str) -> None:
        """Take a change of trading that was said as said."""
        parts = event_id.rsplit("|", 2)
        if len(parts) == 3 and parts[0].startswith("trading|"):
            name = parts[0].removeprefix("trading|")
            self._said[name] = max(self._said.get(name, -1), int(parts[1]))

    def _audit(self, own_id: str, before: Payload | None, after: Payload | None, control: Control) -> Event[Audit]:
        payload = Audit(
            subject=f"{control.topic}/{_subject(control.topic, own_id)}",
            action="removed" if after is None else "set",
            user=after.user if isinstance(after, Trading) else None,
            before=None if before is None else msgspec.to_builtins(before),
            after=None if after is None else msgspec.to_builtins(after),
            reason=after.reason if isinstance(after, Trading) else None,
        )
        return _event(
            EventType.AUDIT, f"audit|{control.topic}|{control.place.partition}|{control.place.offset}|{control.event_id}", payload, control
        )

    def _trading(self, own_id: str, before: Payload | None, after: Payload | None, control: Control) -> list[Event[TradingChange]]:
        was = before if isinstance(before, Trading) else _ACTIVE
        now = after if isinstance(after, Trading) else _ACTIVE
        offset = control.place.offset
        if was.state == now.state or offset <= self._said.get(own_id, -1):
            return []
        is_firm = own_id == FIRM_NAME
        payload = TradingChange("firm" if is_firm else "account", None if is_firm else own_id, now.state, was.state, now.reason, now.user)
        kind = EventType.TRADING_RESUMED if now.state == "ACTIVE" else EventType.TRADING_HALTED
        return [_event(kind, f"trading|{own_id}|{offset}|{now.state}", payload, control)]

    def dump(self) -> dict[str, Any]:
        """Plain data."""
        return {"in_force": [(*key, _encode(payload)) for key, payload in self._in_force.items()], "said": dict(self._said)}

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from what ``dump`` returned."""
        self._in_force = {(topic, own_id): _decoders[topic].decode(text) for topic, own_id, text in stored["in_force"]}
        self._said = dict(stored["said"])


def _subject(topic: str, own_id: str) -> str:
    return f"account:{own_id}" if topic == "control.trading" and own_id != FIRM_NAME else own_id


def _event(kind: EventType, event_id: str, payload: Any, control: Control) -> Event[Any]:
    """At the record's own time; of one without, what was known of time when it came is not told, for it would differ the next time."""
    cause = cause_of_control(control, 0)
    header = Header(event_id, cause.correlation_id, kind.value, int(LANES[kind]), format_time(cause.time_ns), SOURCE)
    return Event(header, payload, cause.time_ns, cause.place)
