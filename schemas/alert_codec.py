"""Alerts as a writer takes them."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.alerts import Alert
from schemas.events import Envelope, encode
from schemas.outgoing import Outgoing
from schemas.partitioning import murmur2
from schemas.times import parse_time


def partition_key(alert: Alert) -> bytes:
    """``account:A``, else ``symbol:X``, else ``firm``: no partition mixes what one account may see with what it may not."""
    if alert.account is not None:
        return f"account:{alert.account}".encode()
    return f"symbol:{alert.symbol}".encode() if alert.symbol is not None else b"firm"


def cause_offset(correlation_id: str) -> int:
    """Offset of the record that a correlation id such as ``market.ticks-3-1207/5`` names; 0 where it names none."""
    offset = correlation_id.partition("/")[0].rpartition("-")[2]
    return int(offset) if offset.isascii() and offset.isdigit() else 0


def encode_alerts(parts: Sequence[Sequence[Envelope[Alert]]]) -> Outgoing:
    """Alerts, each part in the order in which they were made."""
    alerts = [alert for part in parts for alert in part]
    return Outgoing(
        topic="risk.alerts",
        keys=[event.payload.alert_id.encode() for event in alerts],
        values=[encode(event) for event in alerts],
        hashes=[murmur2(partition_key(event.payload)) & 0x7FFFFFFF for event in alerts],
        causes=[cause_offset(event.header.correlation_id) for event in alerts],
        times=[parse_time(event.header.timestamp) for event in alerts],
    )
