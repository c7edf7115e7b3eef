"""Alerts as they flow inside."""

from __future__ import annotations

from schemas.alerts import Alert
from schemas.events import NOWHERE, Envelope, Event, Place
from schemas.times import parse_time


def alert_event(envelope: Envelope[Alert]) -> Event[Alert]:
    """An alert with the record that caused it."""
    header = envelope.header
    return Event(header, envelope.payload, parse_time(header.timestamp), cause(header.correlation_id))


def cause(correlation_id: str) -> Place:
    """The record that a correlation id such as ``market.ticks-3-1207/5`` names; offset 0 of no topic where it names none."""
    parts = correlation_id.partition("/")[0].rsplit("-", 2)
    if len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts[1:]):
        return Place(parts[0], int(parts[1]), int(parts[2]))
    return NOWHERE
