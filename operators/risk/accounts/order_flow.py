"""Orders as limits see them: how many are new in a window of event time, and for how much in a day (UTC).

An order is new at its first update. What it is for is known with its price: its own, its stop's, else that of the market, else that of its
first fill; one that was refused at once is counted, but is for nothing.
"""

from __future__ import annotations

from bisect import insort
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from operators.portfolio.exact import ZERO, add
from operators.portfolio.terms import Terms
from schemas.control_checks import MAX_ORDER_RATE
from schemas.orders import OrderUpdate, Status
from schemas.times import DAY_NS

_time = itemgetter(0)

_DONE = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.REJECTED, Status.DONE_FOR_DAY})


class Seen(NamedTuple):
    """What an update says that was not known."""

    is_new: bool
    worth: Decimal | None
    """In the instrument's currency; None: not known yet, or known before."""


_NOTHING_NEW = Seen(False, None)


class OrderBook:
    """Which orders were seen. Of MAX_ORDERS; beyond that the oldest that are done, then the oldest, are forgotten."""

    MAX_ORDERS = 100_000

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], tuple[bool, bool]] = {}  # account, order: whether its worth is known, whether it is done

    def see(self, update: OrderUpdate, terms: Terms, market: float | None) -> Seen:
        """Take an update; ``market`` is the price at which its side trades now, None where there is none."""
        key = update.account, update.order_id
        known = self._orders.get(key)
        is_done = update.status in _DONE
        if known is not None and known[0]:
            self._orders[key] = True, is_done
            return _NOTHING_NEW
        worth = ZERO if known is None and update.status == Status.REJECTED else worth_of(update, terms, market)
        self._orders[key] = worth is not None, is_done
        if known is None and len(self._orders) > self.MAX_ORDERS:
            self._forget()
        return Seen(known is None, worth)

    def _forget(self) -> None:
        done = [key for key, (_, is_done) in self._orders.items() if is_done] or list(self._orders)
        for key in done[: max(1, self.MAX_ORDERS // 100)]:
            del self._orders[key]

    def dump(self) -> list[Any]:
        """Plain data."""
        return [(*key, *state) for key, state in self._orders.items()]

    def load(self, stored: list[Any]) -> None:
        """Continue from what ``dump`` returned."""
        self._orders = {(account, order): (known, done) for account, order, known, done in stored}


def worth_of(update: OrderUpdate, terms: Terms, market: float | None) -> Decimal | None:
    """``price * quantity * multiplier``, inverse ``quantity * multiplier / price``; None: there is no price."""
    prices = (update.price, update.stop_price, update.last_price, update.average_price)
    price = next((price for price in prices if price is not None), None)
    if price is None and market is not None:
        price = Decimal(repr(market))
    if price is None or update.quantity is None or (terms.inverse and not price):
        return None
    return terms.value(update.quantity, price).copy_abs()


class OrderFlow:
    """Of one account, or of the firm: the times of its last MAX_TIMES orders, and what was ordered today, by symbol.

    An order whose worth or whose rate of exchange is not known is not in the day's sum.
    """

    MAX_TIMES = MAX_ORDER_RATE + 1

    def __init__(self) -> None:
        self._times: list[tuple[int, str]] = []
        self._day = -1
        self._sums: dict[str, Decimal] = {}

    def count(self, time_ns: int, symbol: str) -> None:
        """A new order."""
        # From all shards of accounts they come by turns, so one may be far from the end.
        insort(self._times, (time_ns, symbol), key=_time)
        if len(self._times) > self.MAX_TIMES:
            del self._times[0]

    def spend(self, time_ns: int, symbol: str, worth: Decimal) -> None:
        """An order for so much; one of a day that is over is no more of interest."""
        self.turn(time_ns)
        if time_ns // DAY_NS == self._day:
            self._sums[symbol] = add(self._sums.get(symbol, ZERO), worth)

    def turn(self, time_ns: int) -> bool:
        """Time has come so far; whether a new day began."""
        if time_ns // DAY_NS <= self._day:
            return False
        self._day, self._sums = time_ns // DAY_NS, {}
        return True

    def rate(self, window_ns: int, now_ns: int, symbol: str | None = None) -> int:
        """New orders after ``now - window``, up to now."""
        count = 0
        for time_ns, ordered in reversed(self._times):
            if time_ns <= now_ns - window_ns:
                break
            count += symbol in (None, ordered)
        return count

    def spent(self, symbol: str | None = None) -> Decimal:
        """Today, of a symbol or of all."""
        if symbol is not None:
            return self._sums.get(symbol, ZERO)
        total = ZERO
        for worth in self._sums.values():
            total = add(total, worth)
        return total

    def dump(self) -> list[Any]:
        """Plain data."""
        newest = self._times[-1][0] if self._times else -1
        return [list(self._times), newest, self._day, {symbol: str(worth) for symbol, worth in self._sums.items()}]

    @classmethod
    def load(cls, stored: list[Any]) -> OrderFlow:
        """The flow that ``dump`` wrote."""
        flow, (times, _, flow._day, sums) = cls(), stored
        flow._times = [(time_ns, symbol) for time_ns, symbol in times]
        flow._sums = {symbol: Decimal(worth) for symbol, worth in sums.items()}
        return flow
