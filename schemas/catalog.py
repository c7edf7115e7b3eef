"""The one table of events: what each type is worth, which topics it stands on and what it carries there.

A payload of None belongs to a part of the system that is not built yet; its type and topic are already spoken for.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.alerts import Alert, TradingChange
from schemas.control import Account, Action, Instrument, Limit, Trading
from schemas.dead_letters import DeadLetter
from schemas.events import LANES, EventType, Payload
from schemas.indicators import IndicatorUpdate
from schemas.market import Bar, Mark, WireTick
from schemas.orders import EVENT_TYPE_OF, ExecutionReport, OrderCommand, OrderUpdate
from schemas.portfolio import BalanceUpdate, PnlChange, PositionUpdate
from schemas.risk import Audit, ExposureUpdate, MarginUpdate
from schemas.signals import Signal
from schemas.topics import TOPICS


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row: a type of event on one topic."""

    event_type: EventType
    topic: str
    payload: type[Payload] | None

    @property
    def priority(self) -> int:
        """Of the header; the number of its lane."""
        return int(LANES[self.event_type])

    @property
    def name(self) -> str:
        """The type, and the topic where the payload depends on it."""
        return f"{self.event_type}.{self.topic}" if self.event_type in _PAYLOAD_BY_TOPIC else str(self.event_type)


_PAYLOAD_BY_TOPIC = {EventType.CONTROL_UPDATE}

BARE = {"market.ticks": WireTick}
"""Topics whose records are payloads without an envelope: one, or a JSON array of them."""

CONTROLS: dict[str, type[Payload]] = {
    "control.instruments": Instrument,
    "control.accounts": Account,
    "control.limits": Limit,
    "control.actions": Action,
    "control.trading": Trading,
}
"""What a control topic carries."""

_PAYLOADS: dict[EventType, type[Payload]] = {
    EventType.BAR_CLOSED: Bar,
    EventType.PRICE_UPDATE: Mark,
    EventType.INDICATOR_UPDATE: IndicatorUpdate,
    EventType.DEAD_LETTER: DeadLetter,
    EventType.RISK_LIMIT_BREACH: Alert,
    EventType.RISK_LIMIT_CLEARED: Alert,
    EventType.POSITION_LIMIT_EXCEEDED: Alert,
    EventType.MARGIN_CALL: Alert,
    EventType.STOP_LOSS_TRIGGERED: Alert,
    EventType.TAKE_PROFIT_TRIGGERED: Alert,
    EventType.ORDER_COMMAND: OrderCommand,
    EventType.EXECUTION_REPORT: ExecutionReport,
    **dict.fromkeys(EVENT_TYPE_OF.values(), OrderUpdate),
    EventType.ORDER_REPLACED: OrderUpdate,
    EventType.ORDER_CANCEL_REJECTED: OrderUpdate,
    EventType.ORDER_OVERFILL: OrderUpdate,
    EventType.ORDER_REJECTED_CRITICAL: OrderUpdate,
    EventType.ORDER_CANCELLED_SYSTEM: OrderUpdate,
    EventType.POSITION_UPDATE: PositionUpdate,
    EventType.PNL_CHANGE: PnlChange,
    EventType.BALANCE_UPDATE: BalanceUpdate,
    EventType.EXPOSURE_UPDATE: ExposureUpdate,
    EventType.MARGIN_UPDATE: MarginUpdate,
    EventType.SIGNAL_GENERATED: Signal,
    EventType.AUDIT: Audit,
    EventType.TRADING_HALTED: TradingChange,
    EventType.TRADING_RESUMED: TradingChange,
}

_TYPES_OF_TOPIC = {
    "orders.commands": "ORDER_COMMAND",
    "orders.events": "EXECUTION_REPORT",
    "risk.alerts": "RISK_LIMIT_BREACH RISK_LIMIT_CLEARED MARGIN_CALL POSITION_LIMIT_EXCEEDED STOP_LOSS_TRIGGERED TAKE_PROFIT_TRIGGERED"
    " TRADING_HALTED TRADING_RESUMED ORDER_REJECTED_CRITICAL ORDER_CANCELLED_SYSTEM",
    "orders.updates": "ORDER_PLACED ORDER_FILLED ORDER_PARTIAL_FILL ORDER_CANCELLED ORDER_REJECTED ORDER_REPLACED ORDER_EXPIRED"
    " ORDER_OVERFILL ORDER_PENDING ORDER_CANCEL_REJECTED ORDER_REJECTED_CRITICAL ORDER_CANCELLED_SYSTEM TRADE_EXECUTION",
    "market.bars": "BAR_CLOSED",
    "market.marks": "PRICE_UPDATE VOLUME_UPDATE ORDER_BOOK_CHANGE",
    "market.indicators": "INDICATOR_UPDATE",
    "signals": "SIGNAL_GENERATED",
    "portfolio.positions": "POSITION_UPDATE",
    "portfolio.pnl": "PNL_CHANGE",
    "portfolio.accounts": "BALANCE_UPDATE",
    "risk.exposure": "EXPOSURE_UPDATE MARGIN_UPDATE",
    "system.services": "AGENT_STATUS_CHANGE",
    "system.health": "SERVICE_HEALTH_CHECK MAINTENANCE_NOTICE PERFORMANCE_ALERT",
    "analytics": "ANALYTICS_UPDATE REPORT_GENERATED TASK_COMPLETION",
    "notifications": "USER_NOTIFICATION SYSTEM_ANNOUNCEMENT",
    "audit": "AUDIT",
    "dead.letters": "DEAD_LETTER",
}


def _rows() -> tuple[EventRow, ...]:
    rows = []
    for topic in TOPICS:
        if topic in BARE:
            continue
        if topic.startswith("control."):
            rows.append(EventRow(EventType.CONTROL_UPDATE, topic, CONTROLS.get(topic)))
        else:
            rows += [EventRow(EventType(name), topic, _PAYLOADS.get(EventType(name))) for name in _TYPES_OF_TOPIC[topic].split()]
    return tuple(rows)


EVENTS = _rows()
"""Every (type, topic), by topic."""

EVENT_PAYLOADS: dict[tuple[EventType, str], type[Payload] | None] = {(row.event_type, row.topic): row.payload for row in EVENTS}
"""What a type of event carries on a topic."""


def events_of(topic: str) -> tuple[EventRow, ...]:
    """The rows of one topic; none for a bare one."""
    return tuple(row for row in EVENTS if row.topic == topic)
