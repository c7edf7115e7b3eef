"""Busts and corrections: what they make of a fill, and those that came before theirs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from operators.portfolio.fills import Fill, FillId, signed_quantity
from operators.portfolio.position import Position
from operators.portfolio.rates import Rates
from operators.portfolio.terms import Terms
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_reading import reject_event
from schemas.events import Event, Header, Place
from schemas.orders import ExecType, ExecutionReport

MAX_ALIASES = 100
"""Corrections of a fill by whose ids it is known; beyond them the oldest is forgotten."""


def check_price(price: Decimal, terms: Terms) -> None:
    """Refuse a price that the instrument cannot have.

    Raises:
        RejectedRecord: with reason ``execution``.
    """
    if price < 0 and not terms.allow_negative:
        raise RejectedRecord(Reason.EXECUTION, f"price: expected 0 or more (the instrument's allowNegative is false), found {price}")
    if terms.inverse and price <= 0:
        raise RejectedRecord(Reason.EXECUTION, f"price: expected more than 0 of an inverse contract, found {price}")


def amend(position: Position, fill: Fill, report: ExecutionReport, rates: Rates) -> bool:
    """Bust or correct a fill of a position; whether that changed it. The position is not folded again here.

    Raises:
        RejectedRecord: with reason ``execution``; nothing was changed.
    """
    if report.exec_type is ExecType.BUST:
        changes = not fill.is_busted
        fill.is_busted, fill.stored = True, None
        return changes
    own_id = (fill.id[0], report.execution_id) if report.execution_id else fill.id
    if own_id != fill.id and position.knows(own_id):
        if position.ids.get(own_id) is fill:
            return False
        raise RejectedRecord(
            Reason.EXECUTION, f"executionId: expected one of the correction's own, found {own_id[1]}, which is another fill's"
        )
    assert report.price is not None
    check_price(report.price, fill.terms)
    quantity, currency = signed_quantity(report, fill.quantity), report.fee_currency or fill.terms.currency
    changes = (quantity, report.price, report.fee, currency if report.fee else "") != (
        *(fill.quantity, fill.price, fill.fee),
        fill.fee_currency if fill.fee else "",
    )
    if changes and fill.is_busted:
        raise RejectedRecord(Reason.EXECUTION, f"referenceExecutionId: expected a live fill, found {report.reference_execution_id}: busted")
    if own_id != fill.id:
        _name(position, fill, own_id)
    if changes:
        rate = fill.fee_rate if currency == fill.fee_currency else None
        fill.set(quantity, report.price, report.fee, currency, rates.rate(currency, fill.terms.currency) if rate is None else rate)
    return changes


def _name(position: Position, fill: Fill, own_id: FillId) -> None:
    position.ids[own_id], fill.stored, position.stored = fill, None, None
    fill.aliases = (*fill.aliases, own_id)
    if len(fill.aliases) > MAX_ALIASES:
        position.ids.pop(fill.aliases[0], None)
        fill.aliases = fill.aliases[1:]


class Waiting(NamedTuple):
    """A bust or correction whose fill has not come."""

    until_ns: int
    event: Event[ExecutionReport]

    def is_of(self, fill_id: FillId) -> bool:
        """Whether it speaks of that fill; without a venue, of any venue's."""
        report = self.event.payload
        return report.reference_execution_id == fill_id[1] and report.venue in (None, fill_id[0])


class Parked:
    """Busts and corrections that wait for their fills, by (account, symbol). At most MAX: then the oldest goes."""

    MAX = 10_000

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[Waiting]] = {}
        self.count = 0
        """How many wait."""
        self._next_ns = 2**63

    def put(self, key: tuple[str, str], event: Event[ExecutionReport], until_ns: int) -> Event[ExecutionReport] | None:
        """Keep one (a second of the same content is dropped); which one had to go for it."""
        same_key = self._waiting.get(key, [])
        if any(_same(one.event.payload, event.payload) for one in same_key):
            return None
        gone = self._drop_oldest() if self.count >= self.MAX else None
        self._waiting.setdefault(key, []).append(Waiting(until_ns, event))
        self.count += 1
        self._next_ns = min(self._next_ns, until_ns)
        return gone

    def claim(self, key: tuple[str, str], fill_id: FillId) -> list[Event[ExecutionReport]]:
        """Take those that wait for a fill, oldest first."""
        same_key = self._waiting.get(key)
        if not same_key:
            return []
        claimed = [one.event for one in same_key if one.is_of(fill_id)]
        if claimed:
            self._keep(key, [one for one in same_key if not one.is_of(fill_id)])
        return claimed

    def expire(self, time_ns: int) -> list[Event[ExecutionReport]]:
        """Take those that have waited long enough, by account and symbol."""
        if time_ns < self._next_ns:
            return []
        expired = []
        for key in sorted(self._waiting):
            same_key = self._waiting[key]
            expired += [one.event for one in same_key if one.until_ns <= time_ns]
            self._keep(key, [one for one in same_key if one.until_ns > time_ns])
        self._next_ns = min((one.until_ns for one in self._all()), default=2**63)
        return expired

    def dump(self) -> list[Any]:
        """Plain data."""
        return [
            (
                key,
                one.until_ns,
                msgspec.json.encode(one.event.header),
                msgspec.json.encode(one.event.payload),
                one.event.time_ns,
                one.event.place,
            )
            for key, same_key in self._waiting.items()
            for one in same_key
        ]

    def load(self, stored: list[Any]) -> None:
        """Continue from what ``dump`` returned."""
        for key, until_ns, header, payload, time_ns, place in stored:
            event = Event(_decode_header(header), _decode_report(payload), time_ns, Place(*place))
            self._waiting.setdefault(tuple(key), []).append(Waiting(until_ns, event))
            self.count += 1
            self._next_ns = min(self._next_ns, until_ns)

    def _all(self) -> Iterator[Waiting]:
        return (one for same_key in self._waiting.values() for one in same_key)

    def _drop_oldest(self) -> Event[ExecutionReport]:
        key = next(iter(self._waiting))
        oldest = next(islice(self._waiting[key], 1))
        self._keep(key, self._waiting[key][1:])
        return oldest.event

    def _keep(self, key: tuple[str, str], left: list[Waiting]) -> None:
        self.count += len(left) - len(self._waiting[key])
        if left:
            self._waiting[key] = left
        else:
            del self._waiting[key]


def orphan(event: Event[ExecutionReport]) -> Reject:
    """The dead letter of a bust or correction whose fill never came."""
    reference = event.payload.reference_execution_id
    detail = f"referenceExecutionId: expected a fill to {event.payload.exec_type}, found none of {reference}"
    return reject_event(event, Reason.ORPHAN, detail)


_decode_header = msgspec.json.Decoder(Header).decode
_decode_report = msgspec.json.Decoder(ExecutionReport).decode


def _same(one: ExecutionReport, other: ExecutionReport) -> bool:
    return msgspec.structs.replace(one, timestamp=None) == msgspec.structs.replace(other, timestamp=None)
