"""Alpaca's trade updates as recorded: messages of the stream ``trade_updates``, or the broker's events, as reports of ours.

Our order id is the first ``client_order_id`` of an order. When it is replaced Alpaca gives it a new id and a new client id; the new order
says ``replaces``, the old one ``replaced_by``. The event ``replaced`` shows the old order, so its terms are not repeated: the new ones
come with the new order's own event. Numbers are read from their text.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.json_errors import JSON_ERRORS, explained
from schemas.orders import ExecType, ExecutionReport, OrderType, Side, TimeInForce
from sources.numbers import NUMBER
from sources.venue_names import VenueNames, first

KINDS = {
    "new": ExecType.NEW,
    "accepted": ExecType.NEW,
    "fill": ExecType.FILL,
    "partial_fill": ExecType.FILL,
    "canceled": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "done_for_day": ExecType.DONE_FOR_DAY,
    "replaced": ExecType.REPLACED,
    "restated": ExecType.REPLACED,
    "rejected": ExecType.REJECTED,
    "pending_new": ExecType.PENDING_NEW,
    "pending_cancel": ExecType.PENDING_CANCEL,
    "pending_replace": ExecType.PENDING_REPLACE,
    "suspended": ExecType.SUSPENDED,
    "order_cancel_rejected": ExecType.CANCEL_REJECTED,
    "order_replace_rejected": ExecType.REPLACE_REJECTED,
    "trade_bust": ExecType.BUST,
    "trade_correct": ExecType.CORRECT,
}
"""Alpaca's events to our types."""

PASSED_OVER = frozenset({"stopped", "calculated", "held", "accepted_for_bidding"})
"""Nothing of it moves an order or a position."""

_SIDES: dict[str, Side] = {"buy": "buy", "sell": "sell", "sell_short": "sell", "buy_minus": "buy", "sell_plus": "sell"}
_ORDER_TYPES: dict[str, OrderType] = {"market": "market", "limit": "limit", "stop": "stop", "stop_limit": "stop_limit"}
_TIMES_IN_FORCE: dict[str, TimeInForce] = {"day": "day", "gtc": "gtc", "ioc": "ioc", "fok": "fok"}
_TRADES = frozenset({ExecType.FILL, ExecType.CORRECT})
_SAYS_TERMS = frozenset({ExecType.NEW, ExecType.PENDING_NEW, ExecType.REPLACED})

Fields = Mapping[str, str]
"""Fields of an object that are text or number, by name, as text."""

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


class AlpacaStream:
    """Translates the messages of one recording, in their order."""

    def __init__(self, account: str | None = None, venue: str | None = None) -> None:
        """``account`` is that of messages that name none (the trading API's name none)."""
        self._account, self._venue = account, venue
        self._names = VenueNames()

    def translate(self, line: bytes) -> list[ExecutionReport | RejectedRecord]:
        """What a message, or an array of them, reports; nothing for messages of other streams."""
        try:
            messages = [bytes(raw) for raw in _array(line)] if line[:1] == b"[" else [line]
        except JSON_ERRORS as error:
            return [RejectedRecord(Reason.MALFORMED, explained(error, line))]
        found: list[ExecutionReport | RejectedRecord] = []
        for message in messages:
            try:
                report = self._report(message)
            except RejectedRecord as error:
                found.append(error)
            except JSON_ERRORS as error:
                found.append(RejectedRecord(Reason.MALFORMED, explained(error, message)))
            else:
                found += [] if report is None else [report]
        return found

    def _report(self, message: bytes) -> ExecutionReport | None:
        outer = _object(message.removeprefix(b"data:").strip())
        if "stream" in outer:
            if _text(outer["stream"]) != "trade_updates":
                return None
            outer = _object(outer.get("data", b"{}"))
        elif "action" in outer and "event" not in outer:
            return None  # what the client said
        elif "data" in outer and "event" not in outer:
            outer = _object(outer["data"])
        data = _fields(outer)
        event = data.get("event")
        if event is None or "order" not in outer:
            missing = "event" if event is None else "order"
            raise RejectedRecord(Reason.MISSING_FIELD, f"{missing}: expected one in a trade update, found none")
        if event in PASSED_OVER:
            return None
        if event not in KINDS:
            raise RejectedRecord(Reason.UNKNOWN_TYPE, f"event: expected an event of a trade update, found {event[:60]!r}")
        order = _fields(_object(outer["order"]))
        return self._made(KINDS[event], data, order)

    def _made(self, exec_type: ExecType, data: Fields, order: Fields) -> ExecutionReport:
        order_id = self._order_id(order)
        if exec_type is ExecType.NEW and order.get("replaces"):
            exec_type = ExecType.REPLACED
        is_trade = exec_type in _TRADES
        terms = exec_type in _SAYS_TERMS and not (exec_type is ExecType.REPLACED and order.get("replaced_by"))
        kind = first(order, "type", "order_type") or ""
        side = first(order, "side") or ""
        report = ExecutionReport(
            exec_type=exec_type,
            account=first(data, "account_id") or first(order, "account_id") or self._account,
            symbol=first(order, "symbol"),
            venue=self._venue,
            order_id=order_id,
            execution_id=first(data, "execution_id"),
            reference_execution_id=first(data, "previous_execution_id"),
            side=_SIDES.get(side.casefold()),
            quantity=_number(data, "qty") if is_trade else _number(order, "qty") if terms else None,
            price=_number(data, "price") if is_trade else _number(order, "limit_price") if terms else None,
            stop_price=_number(order, "stop_price") if terms else None,
            order_type=_ORDER_TYPES.get(kind) if terms else None,
            time_in_force=_TIMES_IN_FORCE.get(order.get("time_in_force", "")) if terms else None,
            cumulative_quantity=_number(order, "filled_qty"),
            reason=first(data, "reason", "message"),
            timestamp=first(data, "timestamp", "at") or first(order, "updated_at"),
        )
        return self._names.completed(report)

    def _order_id(self, order: Fields) -> str | None:
        """By Alpaca's ids, which are unique; an order that replaces none is called by its client's id."""
        own, client = order.get("id"), first(order, "client_order_id", "id")
        if not own or not client:
            return client
        before = order.get("replaces")
        name = self._names.order(own, before if before and self._names.knows(before) else client)
        if order.get("replaced_by"):
            self._names.order(order["replaced_by"], own)
        return name


def _fields(values: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    found = {}
    for name, raw in values.items():
        text = bytes(raw)
        if text[:1] == b'"':
            found[name] = _text(text)
        elif text[:1] not in (b"{", b"[", b"n"):
            found[name] = text.decode()
    return found


def _number(fields: Fields, name: str) -> Decimal | None:
    text = fields.get(name)
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        raise RejectedRecord(Reason.NUMBER, f"{name}: expected a number, found {text[:60]!r}")
    return Decimal(text)
