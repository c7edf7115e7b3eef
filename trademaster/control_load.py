"""Control data of a file as events: all of it checked by its forms, or nothing of it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, get_args, get_type_hints

import msgspec

from schemas.bus import Bus
from schemas.control import Action, Trading
from schemas.control_checks import check_trading
from schemas.errors import RejectedRecord, UsageError
from schemas.event_outgoing import event_encoder
from schemas.events import LANES, Event, EventType, Header, Payload, Place
from schemas.times import format_time, parse_time
from trademaster.control_files import KINDS, ControlFile, Entry
from trademaster.forms import faults_of, fill, names_of

TOPIC_OF = {kind: f"control.{kind}" for kind in KINDS}
ORDER = ("instruments", "accounts", "limits", "trading", "actions")
"""What others speak of is written before them."""

MAX_FAULTS = 50
"""A message says no more of them than that; it counts the rest."""

_ID_FIELD = {"limits": "limit_id", "instruments": "symbol", "accounts": "account", "trading": "account"}
_FIRM = "firm"
"""Own id of the firm's trading state, which names no account."""

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

Events = dict[str, list[Event[Payload]]]
"""By topic, in the order in which they are to be written."""


def control_events(file: ControlFile, *, source: str, now_ns: int, as_of_ns: int | None = None) -> Events:
    """The events of all entries.

    An event's id is its topic, its own id and a digest of its content. An action is its content: it needs a time of its own (its
    ``timestamp``, else ``as_of_ns``), so that the same action loaded again is the same one, and not a second split.

    Raises:
        UsageError: names every fault of the file with its place; no event is made.
    """
    faults = list(file.faults)
    events: Events = {TOPIC_OF[kind]: [] for kind in ORDER}
    places: dict[tuple[str, str], str] = {}
    wrong: set[str] = set()
    for entry in file.entries:
        payload = _payload(entry, as_of_ns, faults)
        if payload is None:
            wrong.add(entry.kind)
            continue
        event = _event(entry.kind, payload, now_ns if as_of_ns is None else as_of_ns)
        own_id = _own_id(entry.kind, payload) if entry.kind in _ID_FIELD else event.header.event_id
        before = places.setdefault((entry.kind, own_id), entry.place)
        if before != entry.place:
            faults.append(f"{entry.place}: expected each of the {entry.kind} once, found what stands at {before} already")
        events[TOPIC_OF[entry.kind]].append(event)
    if faults:
        raise _failure(source, faults, wrong)
    return {topic: found for topic, found in events.items() if found}


def write_events(bus: Bus, events: Events) -> None:
    """Write and flush.

    Raises:
        BusError: the bus cannot be reached, or a topic is missing.
    """
    writer = bus.writer()
    try:
        for topic, found in events.items():
            writer.write(event_encoder(topic)([found]).records(len(bus.partitions(topic))))
        writer.flush()
    finally:
        writer.close()


def _payload(entry: Entry, as_of_ns: int | None, faults: list[str]) -> Payload | None:
    kind = KINDS[entry.kind]
    values, found = _typed(kind, entry.values)
    if kind is Action:
        found += _set_time(values, as_of_ns)
    found += faults_of(kind, values)
    faults += [f"{entry.place}: {fault}" for fault in found]
    return None if found else fill(kind, values)


def _typed(kind: type[Payload], texts: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Texts as the fields' types want them: only a truth value is no text on the wire."""
    hints = get_type_hints(kind)
    fields = {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    found: list[str] = []
    for name, text in texts.items():
        if fields.get(name) is not bool and bool not in get_args(fields.get(name)):
            values[name] = text
        elif text.casefold() in _TRUE | _FALSE:
            values[name] = text.casefold() in _TRUE
        else:
            found.append(f"{name}: expected true or false, found {text[:60]!r}")
    return values, found


def _set_time(values: dict[str, Any], as_of_ns: int | None) -> list[str]:
    text = values.get("timestamp")
    if text is None:
        if as_of_ns is None:
            return ["timestamp: expected the time at which the action takes effect, found none (give it, or --as-of TIME)"]
        values["timestamp"] = format_time(as_of_ns)
        return []
    try:
        values["timestamp"] = format_time(parse_moment(text))
    except ValueError as error:
        return [f"timestamp: {error}"]
    return []


def parse_moment(text: str) -> int:
    """Nanoseconds since 1970 of RFC 3339, of a date (its midnight in UTC), or of a whole number of nanoseconds.

    Raises:
        ValueError: it is none of them.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return parse_time(int(text))
    return parse_time(f"{text}T00:00:00Z" if len(text) == 10 else text)


def _event(kind: str, payload: Payload, time_ns: int) -> Event[Payload]:
    topic = TOPIC_OF[kind]
    digest = blake2b(msgspec.json.encode(payload), digest_size=16).hexdigest()
    if isinstance(payload, Action) and payload.timestamp is not None:
        time_ns = parse_time(payload.timestamp)
    name = f"{topic}|{_own_id(kind, payload)}|{digest}" if kind in _ID_FIELD else f"{topic}|{digest}"
    event_type = EventType.CONTROL_UPDATE
    header = Header(name, name, event_type.value, int(LANES[event_type]), format_time(time_ns), "input")
    return Event(header, payload, time_ns, Place(topic, 0, 0))


def trading_event(trading: Trading, now_ns: int) -> Events:
    """A trading state that a person says now; saying it again later is another event.

    Raises:
        UsageError: it is nobody's.
    """
    try:
        check_trading(trading)
    except RejectedRecord as error:
        raise UsageError(str(error)) from None
    event = _event("trading", trading, now_ns)
    name = f"{event.header.event_id}|{now_ns}"
    header = msgspec.structs.replace(event.header, event_id=name, correlation_id=name)
    return {TOPIC_OF["trading"]: [msgspec.structs.replace(event, header=header)]}


def _own_id(kind: str, payload: Payload) -> str:
    return str(getattr(payload, _ID_FIELD[kind]) or _FIRM)


def _failure(source: str, faults: list[str], wrong: Iterable[str]) -> UsageError:
    shown = faults[:MAX_FAULTS] + ([f"and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else [])
    count = f"{len(faults)} faults" if len(faults) > 1 else "a fault"
    hints = [f"{kind}: {names_of(KINDS[kind])}" for kind in KINDS if kind in wrong]
    return UsageError("\n".join([f"{source}: {count}, nothing was written", *shown]), hint="\n      ".join(hints))
