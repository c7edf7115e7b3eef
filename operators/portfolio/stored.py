"""A position as bytes for a snapshot: only what changed since the last one is written anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from struct import Struct

import msgspec

from operators.portfolio.actions import Base
from operators.portfolio.book import Book
from operators.portfolio.fills import Fill
from operators.portfolio.position import Position
from operators.portfolio.stored_fill import StoredFill, store_fill
from operators.portfolio.terms import Terms
from schemas.control import Costing
from schemas.events import Place


class StoredBook(msgspec.Struct, array_like=True, gc=False):
    """A book."""

    sums: tuple[Decimal, Decimal, Decimal, Decimal, Decimal, Decimal]
    foreign: dict[str, Decimal]
    unconverted: dict[str, Decimal]
    unknown_income: list[str]
    lots: list[tuple[Decimal, Decimal]]


class StoredPosition(msgspec.Struct, array_like=True, gc=False):
    """A position."""

    account: str
    symbol: str
    costing: Costing
    terms: Terms
    version: int
    correlation_id: str
    time_ns: int
    place: Place
    book: StoredBook
    base: tuple[StoredBook, int, dict[str, Decimal]] | None
    final_ids: list[tuple[str | None, str]]
    fills: list[StoredFill]


_encode = msgspec.msgpack.Encoder().encode
_decode_forms = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_ARRAY, _ARRAY_32 = Struct(">BI"), 0xDD
"""How an array begins in MessagePack."""
_decode = msgspec.msgpack.Decoder(StoredPosition).decode


def store(position: Position) -> bytes:
    """The stored form of a position."""
    if position.stored is None:
        base = position.base
        position.stored = _encode(
            (
                position.account,
                position.symbol,
                position.costing,
                position.terms,
                position.version,
                position.correlation_id,
                position.time_ns,
                position.place,
                _store_book(position.book),
                None if base is None else (_store_book(base.book), base.time_ns, base.held),
                list(position.final_ids),
                [fill.stored or store_fill(fill, position.terms) for fill in position.fills],
            )
        )
    return position.stored


def joined(positions: Iterable[Position]) -> bytes:
    """The stored forms of several positions in one."""
    forms = [position.stored or store(position) for position in positions]
    return b"".join((_ARRAY.pack(_ARRAY_32, len(forms)), *forms))


def stored_positions(positions: Mapping[str, Mapping[str, Position]], stored: dict[str, bytes]) -> list[bytes]:
    """A text a symbol; those of symbols that nothing happened to since the last snapshot are in ``stored``, where the others come too."""
    for symbol, accounts in positions.items():
        if symbol not in stored:
            stored[symbol] = joined(accounts.values())
    return [stored[symbol] for symbol in positions]


def separated(stored: bytes) -> Iterator[bytes]:
    """What ``joined`` took."""
    return map(bytes, _decode_forms(stored))


def load(stored: bytes) -> Position:
    """The position of a stored form."""
    head = _decode(stored)
    position = Position(head.account, head.symbol, head.costing, head.terms)
    position.version, position.correlation_id, position.time_ns, position.place = (
        head.version,
        head.correlation_id,
        head.time_ns,
        head.place,
    )
    position.book = _load_book(head.book)
    if head.base is not None:
        position.base = Base(_load_book(head.base[0]), head.base[1], head.base[2])
    position.final_ids = dict.fromkeys(head.final_ids)
    for one in head.fills:
        fill = Fill(one.id, one.time_ns, one.sequence, one.terms or head.terms, bool(one.flags & 1))
        fill.set(one.quantity, one.price, one.fee, one.fee_currency, one.fee_rate)
        fill.is_busted, fill.aliases = bool(one.flags & 2), one.aliases
        position.fills.append(fill)
        for fill_id in (fill.id, *fill.aliases):
            position.ids[fill_id] = fill
    position.stored = stored
    return position


def _store_book(book: Book) -> StoredBook:
    sums = (book.quantity, book.cost, book.gains, book.fees, book.cash, book.moved)
    return StoredBook(sums, book.foreign, book.unconverted, sorted(book.unknown_income), book.lots)


def _load_book(stored: StoredBook) -> Book:
    book = Book()
    book.quantity, book.cost, book.gains, book.fees, book.cash, book.moved = stored.sums
    book.foreign, book.unconverted, book.unknown_income = stored.foreign, stored.unconverted, set(stored.unknown_income)
    book.lots = stored.lots
    return book
