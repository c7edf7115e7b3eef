"""A fill as bytes for a snapshot. They are made when it comes, while all of it is at hand: a snapshot of many would be a stall."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from operators.portfolio.fills import Fill
from operators.portfolio.terms import Terms


class StoredFill(msgspec.Struct, array_like=True, gc=False):
    """A fill; its terms only where they are not those of its position."""

    id: tuple[str | None, str]
    time_ns: int
    sequence: int
    flags: int
    """1: a transfer; 2: busted."""
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    fee_rate: Decimal | None
    aliases: tuple[tuple[str | None, str], ...]
    terms: Terms | None


_encode = msgspec.msgpack.Encoder().encode


def store_fill(fill: Fill, terms: Terms) -> msgspec.Raw:
    """The stored form of a fill of a position with these terms, which it keeps until it changes."""
    flags = fill.is_transfer | fill.is_busted << 1
    own_terms = None if fill.terms is terms or fill.terms == terms else fill.terms
    stored = StoredFill(
        *(fill.id, fill.time_ns, fill.sequence, flags, fill.quantity, fill.price, fill.fee, fill.fee_currency, fill.fee_rate),
        fill.aliases,
        own_terms,
    )
    fill.stored = raw = msgspec.Raw(_encode(stored))
    return raw
