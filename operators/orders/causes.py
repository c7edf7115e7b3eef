"""What can change an order, and the text by which each cause is known for ever: the ids of updates are made of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from schemas.events import Event, Header
from schemas.orders import ExecType, ExecutionReport, OrderCommand


class Split(msgspec.Struct, frozen=True, gc=False):
    """A corporate action: ``ratio`` new units for an old one."""

    identity: str
    symbol: str
    ratio: Decimal
    time_ns: int


class Halt(msgspec.Struct, frozen=True, gc=False):
    """The kill switch: open orders of whom it concerns shall be cancelled."""

    key: str
    """Known by it for ever: its control event and the time of that; of a cause, the number of the asking too."""
    reason: str
    time_ns: int
    """0: of no time of its own."""


class Cause(msgspec.Struct, frozen=True, gc=False):
    """One command, report, split or halt, as it waits for its turn."""

    identity: str
    command: Event[OrderCommand] | None = None
    report: Event[ExecutionReport] | None = None
    split: Split | None = None
    halt: Halt | None = None

    @property
    def time_ns(self) -> int:
        """Event time."""
        one: Any = self.command or self.report or self.split or self.halt
        return int(one.time_ns)

    @property
    def header(self) -> Header | None:
        """Of the event that it is; a split or a halt is none here."""
        event: Event[Any] | None = self.command or self.report
        return event.header if event else None


def join(*parts: str | None) -> str:
    """Parts as one text that no other parts make."""
    return "|".join((part or "").replace("%", "%25").replace("|", "%7C") for part in parts)


def command_cause(event: Event[OrderCommand]) -> Cause:
    """A command is known by its idempotency key, else by its event's id."""
    key = event.payload.idempotency_key
    return Cause(join("command", "event", event.header.event_id) if key is None else join("command", key), command=event)


def report_cause(event: Event[ExecutionReport]) -> Cause:
    """A report is known by its type and execution id; without one by type, time and what is filled in all."""
    report = event.payload
    kind = report.exec_type.value
    if report.execution_id:
        return Cause(join("report", kind, report.venue, report.symbol, report.execution_id), report=event)
    if report.exec_type in (ExecType.BUST, ExecType.CORRECT):
        return Cause(join("report", kind, report.venue, report.symbol, "", report.reference_execution_id, str(event.time_ns)), report=event)
    filled = "" if report.cumulative_quantity is None else format(report.cumulative_quantity.normalize(), "f")
    return Cause(join("report", kind, "", "", "", str(event.time_ns), filled), report=event)


def halt_key(event_id: str, time_ns: int) -> str:
    """A halt is known by its control event and its time."""
    return join("halt", event_id, str(time_ns))


def halt_cause(halt: Halt, key: str, now_ns: int) -> Cause:
    """A halt as it reaches an order, at a time of the order's own clock, for a session may be replayed: so the time is part of the id."""
    time_ns = min(halt.time_ns, now_ns) if halt.time_ns else now_ns
    return Cause(f"{key}|{time_ns}", halt=Halt(key, halt.reason, time_ns))


def is_decision(identity: str) -> bool:
    """Whether what came of a cause depended on more than its order: what was published of it holds."""
    return identity.startswith(("command|", "halt|"))


def said_halt(identity: str, reason: str | None) -> Cause:
    """A halt as it was published."""
    key, _, time = identity.rpartition("|")
    return Cause(identity, halt=Halt(key, reason or "", int(time)))


def fill_key(venue: str | None, symbol: str | None, execution_id: str | None) -> str:
    """A fill of an account, for ever."""
    return join(venue, symbol, execution_id)


def update_id(account: str, order_id: str, identity: str) -> str:
    """Id of the update that a cause makes of an order."""
    return f"order|{join(account, order_id)}|{identity}"


def is_echo(event_id: str) -> bool:
    """Whether an update was caused by a report: then it tells a venue nothing new, also where its status is a pending one."""
    parts = event_id.split("|")
    return len(parts) > 3 and (parts[0], parts[3]) == ("order", "report")
