"""One tick against the book of its symbol: who is filled, at what price, how much of it.

- A quote fills buys at its ask and sells at its bid; a trade fills both. A size of 0 is none on offer, no size is without bound.
- An order without a limit, or with one opportunity (IOC, FOK), takes the next opposite quote; of a feed without quotes, the next trade.
- A limit that meets its first opposite quote takes the quote's price if that is within the limit. From then on it rests: what reaches
  it, quote or trade, fills it at its limit; what is just at the limit, with the probability of the setting ``touch``.
- All orders together take at most ``participation`` of the tick's size, in the order of price, then time; of a trade, which both sides
  share, the earlier of two sides' best goes first. A share is not rounded to lots.
- What an IOC order could not take is canceled; a FOK order takes all or nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from operators.orders.decimals import shortest
from operators.orders.paper.chance import is_filled_at_touch
from operators.orders.paper.resting import EXACT, SIDES, Book, Resting, TickPlace
from operators.orders.settings import PaperSettings
from schemas.orders import Side
from schemas.ticks import TRADE


class Tick(NamedTuple):
    """A tick in decimals: the shortest that mean its doubles."""

    time_ns: int
    place: TickPlace
    is_trade: bool
    price: Mapping[Side, Decimal | None]
    """What a buyer pays, what a seller gets; None: nothing on offer."""
    size: Mapping[Side, Decimal | None]
    """None: not given."""


class Fill(NamedTuple):
    """So much of an order is filled at a price; a quantity of 0: what is left of it is canceled."""

    order: Resting
    quantity: Decimal
    price: Decimal


def read_tick(row: np.void) -> Tick:
    """The tick of a row that is one."""
    is_trade = int(row["kind"]) == TRADE
    columns = (("price", "size"), ("price", "size")) if is_trade else (("ask", "ask_size"), ("bid", "bid_size"))
    prices: dict[Side, Decimal | None] = {}
    sizes: dict[Side, Decimal | None] = {}
    for side, (price, size) in zip(SIDES, columns, strict=True):
        prices[side], sizes[side] = _decimal(float(row[price])), _decimal(float(row[size]))
    return Tick(int(row["time"]), (int(row["partition"]), int(row["offset"]), int(row["index"])), is_trade, prices, sizes)


def _decimal(value: float) -> Decimal | None:
    return Decimal(repr(value).removesuffix(".0")) if math.isfinite(value) else None


def fill(book: Book, tick: Tick, is_quoted: bool, settings: PaperSettings, used: Mapping[Side, Decimal]) -> list[Fill]:
    """What a tick does to a book, in the order of service. The book is changed by whoever applies it.

    Args:
        book: of the tick's symbol.
        tick: the tick.
        is_quoted: the feed has quotes.
        settings: participation and touch.
        used: what published fills have taken of this tick already, by side.
    """
    can_take = not tick.is_trade or not is_quoted
    left = _on_offer(tick, settings, used)
    found, complete = [], set()
    for order in _in_turn(*(_reached(book, side, tick, can_take, settings) for side in SIDES)):
        assert order.side is not None
        side, pool, leaves = order.side, "trade" if tick.is_trade else order.side, order.leaves
        most = left[pool]
        quantity = leaves if most is None else min(leaves, most)
        if quantity <= 0 or (order.time_in_force == "fok" and quantity < leaves):
            continue
        left[pool] = None if most is None else EXACT.subtract(most, quantity)
        found.append(Fill(order, quantity, _price(order, side, tick)))
        if quantity == leaves:
            complete.add(order.seq)
    if can_take:
        found += _missed(book, tick, complete)
    return found


def _on_offer(tick: Tick, settings: PaperSettings, used: Mapping[Side, Decimal]) -> dict[str, Decimal | None]:
    """What may be taken, of a quote by side."""

    def share(size: Decimal | None, taken: Decimal) -> Decimal | None:
        if size is None:
            return None
        most = size if settings.participation == 1 else shortest(EXACT.multiply(size, settings.participation))
        return EXACT.subtract(most, taken)

    taken = {side: used.get(side, Decimal(0)) for side in SIDES}
    if tick.is_trade:
        return {"trade": share(tick.size["buy"], EXACT.add(taken["buy"], taken["sell"]))}
    return {side: share(tick.size[side], taken[side]) for side in SIDES}


def _is_offered(tick: Tick, side: Side) -> bool:
    return tick.price[side] is not None and tick.size[side] != 0


def _reached(book: Book, side: Side, tick: Tick, can_take: bool, settings: PaperSettings) -> list[Resting]:
    price = tick.price[side]
    if price is None or not _is_offered(tick, side):
        return []
    return [
        order
        for order in book.touched(side, price)
        if order.can_meet(tick.time_ns, tick.place)
        and (can_take or order.seq not in book.takers[side])
        and not (order.is_immediate and order.filled)
        and (order.is_market or order.price != price or is_filled_at_touch(settings, *order.key, tick.place))
    ]


def _in_turn(buys: list[Resting], sells: list[Resting]) -> list[Resting]:
    """Each side in its order; of the two at their heads the earlier."""
    turn = []
    while buys and sells:
        turn.append((buys if buys[0].seq < sells[0].seq else sells).pop(0))
    return turn + buys + sells


def _price(order: Resting, side: Side, tick: Tick) -> Decimal:
    if order.is_market or (not tick.is_trade and not order.has_rested):
        price = tick.price[side]
        assert price is not None
        return price
    assert order.price is not None
    return order.price


def _missed(book: Book, tick: Tick, complete: set[int]) -> list[Fill]:
    """Orders whose one opportunity this was."""
    return [
        Fill(order, Decimal(0), Decimal(0))
        for side in SIDES
        if _is_offered(tick, side)
        for _, order in sorted(book.takers[side].items())
        if order.is_immediate and order.seq not in complete and order.can_meet(tick.time_ns, tick.place)
    ]
