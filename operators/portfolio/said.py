"""A position as it is told to others."""

from __future__ import annotations

from operators.portfolio.exact import shown, subtract
from operators.portfolio.position import Position
from schemas.events import LANES, Event, EventType, Header
from schemas.holdings import Holding
from schemas.portfolio import Lot, PositionUpdate
from schemas.times import format_time

SOURCE = "portfolio"
_TYPE, _LANE = EventType.POSITION_UPDATE.value, int(LANES[EventType.POSITION_UPDATE])


def holding_of(position: Position) -> Holding:
    """A position for its marks and its account."""
    book, terms = position.book, position.terms
    lacks_fees = bool(book.unconverted)
    reason = _reason(position) if lacks_fees or book.unknown_income else None
    return Holding(
        position.account,
        position.symbol,
        position.version,
        book.quantity,
        position.average,
        book.cost.copy_negate() if terms.inverse else book.cost,
        None if reason else subtract(book.gains, book.fees),
        None if lacks_fees else book.fees,
        book.cash,
        tuple(sorted((currency, amount) for currency, amount in book.foreign.items() if amount)) if book.foreign else (),
        book.moved,
        terms.currency,
        terms.multiplier,
        terms.inverse,
        terms.is_margined,
        position.correlation_id,
        position.time_ns,
        position.place,
        reason,
    )


def update_of(position: Position, cause_id: str) -> Event[PositionUpdate]:
    """POSITION_UPDATE of a position that an event of that id changed."""
    book, terms, version = position.book, position.terms, position.version
    lacks_fees, fees = bool(book.unconverted), book.fees
    reason = _reason(position) if lacks_fees or book.unknown_income else None
    payload = PositionUpdate(
        position.account,
        position.symbol,
        shown(book.quantity),
        position.average,
        None if reason else shown(subtract(book.gains, fees) if fees else book.gains),
        None if lacks_fees else shown(fees),
        shown(book.cost.copy_negate() if terms.inverse else book.cost),
        terms.currency,
        position.costing,
        () if position.costing == "average" else _lots(position),
        version,
        reason,
    )
    event_id = f"position|{position.account}|{position.symbol}|{cause_id}|{version}"
    header = Header(event_id, position.correlation_id, _TYPE, _LANE, format_time(position.time_ns), SOURCE)
    return Event(header, payload, position.time_ns, position.place)


def _lots(position: Position) -> tuple[Lot, ...]:
    price = position.terms.price
    return tuple([Lot(shown(quantity), price(quantity, cost)) for quantity, cost in position.book.lots])


def _reason(position: Position) -> str:
    book, currency = position.book, position.terms.currency
    missing = ", ".join(sorted({*book.unconverted, *book.unknown_income}))
    what = "fees" if book.unconverted else "dividends"
    return f"rate of {missing} in {currency} is unknown: {what} are converted when it comes"
