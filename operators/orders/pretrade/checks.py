"""Checks of an order before it leaves: against limits, prices, buying power and the kill switch.

All of it is decided from what has come here; no check waits for another process. None acts without a limit or a setting. What is needed
and cannot be known (a mark, a rate, an equity) refuses the order: a check that cannot be made is not passed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from operators.orders.decimals import EXACT, ZERO
from operators.orders.order import Order
from operators.orders.pretrade.asked import Asked, asked_of
from operators.orders.pretrade.balances import Balances, Exposure
from operators.orders.pretrade.limits import Found, InForce, Limits
from operators.orders.pretrade.open import Open
from operators.orders.pretrade.positions import Positions
from operators.orders.pretrade.prices import Prices
from operators.orders.pretrade.reasons import (
    BUYING_POWER,
    DAILY_NOTIONAL_LIMIT,
    GROSS_EXPOSURE_LIMIT,
    NET_EXPOSURE_LIMIT,
    ORDER_NOTIONAL_LIMIT,
    ORDER_RATE_LIMIT,
    POSITION_LIMIT,
    PRICE_COLLAR,
    PRICE_UNKNOWN,
    RESTRICTED_SYMBOL,
    TRADING_HALTED,
    TRADING_REDUCING,
    age,
    shown,
)
from operators.orders.pretrade.trading import TradingStates, described
from operators.orders.settings import OrdersSettings
from schemas.control import Control, Instrument, Limit

LIMITS, INSTRUMENTS, TRADING = "control.limits", "control.instruments", "control.trading"


class Checks:
    """All that the orders of a shard of accounts are held against.

    Attributes:
        positions, prices, balances, trading: what is known; fed by the order book.
    """

    def __init__(self, settings: OrdersSettings) -> None:
        self._collar = settings.collar
        self._multiple = settings.buying_power
        self._restricted = frozenset(settings.restricted)
        self._is_set = settings.collar is not None or settings.buying_power is not None or bool(settings.restricted)
        self._limits = Limits()
        self.positions = Positions()
        self.prices = Prices()
        self.balances = Balances()
        self.trading = TradingStates()

    @property
    def are_idle(self) -> bool:
        """Whether nothing is checked."""
        return not (self._is_set or self._limits.by_id) and self.trading.is_active

    def put(self, control: Control) -> None:
        """Take a limit, an instrument or a trading state. Taking it again changes nothing."""
        payload = control.payload
        if control.topic == LIMITS:
            self._limits.put(control.id, payload if isinstance(payload, Limit) else None)
        elif control.topic == INSTRUMENTS:
            self.prices.put_instrument(control.id, payload if isinstance(payload, Instrument) else None)
        elif control.topic == TRADING:
            self.trading.put(control)

    def refusal(self, is_open: Open, order: Order, open_before: Decimal, now_ns: int, *, is_decided: bool) -> str | None:
        """Why what an order asks for is refused; None: it is not, and counts from now on.

        Args:
            is_open: of the account's orders, before this was asked.
            order: placed, or with the replace as its last request.
            open_before: what of it could be filled before.
            is_decided: it was accepted before a crash; it only counts.
        """
        symbol = order.symbol or ""
        others = is_open.buys(symbol) if order.side == "buy" else is_open.sells(symbol)
        asked = asked_of(order, open_before, others, self.positions.of(order.account, symbol), now_ns)
        limits = self._limits.of(order.account, symbol)
        needs_price = (limits.are_priced or self._multiple is not None) and asked.grows
        if needs_price:
            asked.balance = self.balances.of(order.account)
            unit = self._unit(asked)
            if unit is not None:
                asked.value(unit)
        if not is_decided:
            reason = self._refused(asked, limits, is_open.money, needs_price)
            if reason is not None:
                return reason
        if limits.counting:
            _count(asked, limits.counting)
        if asked.unit is not None:
            order.unit_needs = asked.unit if asked.away else ZERO
        return None

    def stored(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "limits": self._limits.stored(),
            "positions": self.positions.stored(),
            "prices": self.prices.stored(),
            "balances": self.balances.stored(),
            "trading": self.trading.stored(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """As they were stored."""
        self._limits.load(stored["limits"])
        self.positions.load(stored["positions"])
        self.prices.load(stored["prices"])
        self.balances.load(stored["balances"])
        self.trading.load(stored["trading"])

    def _refused(self, asked: Asked, limits: Found, open_money: Decimal, needs_price: bool) -> str | None:
        """The first reason in this order; hard ones come before all others."""
        if not self.trading.is_active and (reason := self._by_trading(asked)):
            return reason
        if self._restricted and (reason := self._by_symbol(asked)):
            return reason
        if limits.position and asked.adds > 0 and asked.after > limits.position.threshold:
            return _beyond(POSITION_LIMIT, limits.position, " with all open orders filled", asked.after)
        if self._collar is not None and (reason := self._by_collar(asked, self._collar)):
            return reason
        if needs_price and asked.unit is None:
            return _without_price(asked)
        for one in limits.counting:
            if reason := _by_count(one, asked):
                return reason
        return self._by_money(asked, limits, open_money) if asked.unit is not None else None

    def _by_money(self, asked: Asked, limits: Found, open_money: Decimal) -> str | None:
        unit = asked.unit or ZERO
        if limits.order_notional:
            notional = asked.ordered if asked.is_new else EXACT.multiply(asked.quantity, unit)
            if notional > limits.order_notional.threshold:
                return _beyond(ORDER_NOTIONAL_LIMIT, limits.order_notional, "", notional)
        if limits.net_exposure and asked.adds > 0 and (reason := self._by_net(limits.net_exposure, asked, unit)):
            return reason
        away = asked.away
        if not away:
            return None
        adds = EXACT.add(open_money, EXACT.multiply(away, unit))
        if limits.gross_exposure and (reason := self._by_firm(limits.gross_exposure, asked, adds)):
            return reason
        return self._by_buying_power(asked, adds, self._multiple) if self._multiple is not None else None

    def _by_trading(self, asked: Asked) -> str | None:
        trading = self.trading.of(asked.account)
        if trading is None or not (asked.is_new or asked.adds > 0):
            return None
        if trading.state == "HALTED":
            return f"{TRADING_HALTED}: expected no order while {described(trading)}"
        own = asked.position.copy_negate() if asked.side == "buy" else asked.position
        left = max(EXACT.subtract(own, asked.others), ZERO)
        if asked.adds <= left:
            return None
        return (
            f"{TRADING_REDUCING}: expected an order to {asked.side} at most {shown(left)} (position {shown(asked.position)}, open orders "
            f"that reduce it {shown(asked.others)}) while {described(trading)}, found {shown(asked.adds)}"
        )

    def _by_symbol(self, asked: Asked) -> str | None:
        if asked.symbol in self._restricted and (asked.is_new or asked.adds > 0):
            return f"{RESTRICTED_SYMBOL}: expected a symbol that may be traded, found {asked.symbol}, which orders.restricted names"
        return None

    def _by_collar(self, asked: Asked, collar: Decimal) -> str | None:
        """The limit's distance from the last mark, of a stop limit from its own stop; either way."""
        if asked.price is None or not (asked.is_new or asked.changes_price):
            return None
        near = self.prices.last_number(asked.symbol) if asked.stop_price is None else float(asked.stop_price)
        price = float(asked.price)
        if is_surely_below(abs(price - near), abs(near) * float(collar), abs(price) + abs(near)):
            return None
        reference = self.prices.last(asked.symbol) if asked.stop_price is None else asked.stop_price
        if reference is None:
            return _without_price(asked)
        room = EXACT.multiply(reference, collar).copy_abs()
        if EXACT.subtract(asked.price, reference).copy_abs() <= room:
            return None
        low, high = EXACT.subtract(reference, room), EXACT.add(reference, room)
        return f"{PRICE_COLLAR}: expected a price of {shown(low)} to {shown(high)} (around {shown(reference)}), found {shown(asked.price)}"

    def _by_firm(self, limit: Limit, asked: Asked, adds: Decimal) -> str | None:
        """Gross exposure of all accounts, and what this one may add to it."""
        firm = self.balances.exposure(asked.balance.currency if asked.balance else None, self.prices)
        total = EXACT.add(firm.gross, adds)
        return None if total <= limit.threshold else _beyond_firm(GROSS_EXPOSURE_LIMIT, "gross", limit, total, firm, asked)

    def _by_net(self, limit: Limit, asked: Asked, unit: Decimal) -> str | None:
        """Net exposure of all accounts towards the order's side, and what this order and those open on its side may add to it."""
        firm = self.balances.exposure(asked.balance.currency if asked.balance else None, self.prices)
        towards = firm.net if asked.side == "buy" else firm.net.copy_negate()
        total = EXACT.add(towards, EXACT.multiply(EXACT.add(asked.others, asked.adds), unit))
        return None if total <= limit.threshold else _beyond_firm(NET_EXPOSURE_LIMIT, "net", limit, total, firm, asked)

    def _by_buying_power(self, asked: Asked, adds: Decimal, multiple: Decimal) -> str | None:
        """Gross exposure, open orders that add to it, and this one: at most so many times the equity."""
        balance = asked.balance
        if balance is None or balance.equity is None or balance.gross_exposure is None:
            return f"{BUYING_POWER}: expected a known equity and exposure of account {asked.account}, found none"
        found, bound = balance.gross_exposure + float(adds), balance.equity * float(multiple)
        if is_surely_below(found, bound, abs(balance.gross_exposure) + abs(found) + abs(bound)):
            return None
        most = EXACT.multiply(Decimal(repr(balance.equity)), multiple)
        needed = EXACT.add(Decimal(repr(balance.gross_exposure)), adds)
        if needed <= most:
            return None
        times = f"{shown(multiple)} times the equity"
        return f"{BUYING_POWER}: expected at most {shown(most)} ({times}), found {shown(needed)} with open orders and this one"

    def _unit(self, asked: Asked) -> Decimal | None:
        """Worth of a unit in the account's currency: at the order's price, else where it would be filled."""
        price = asked.stated_price
        if price is None:
            price = self.prices.touch(asked.symbol, asked.side)
        return None if price is None else self.prices.worth(asked.symbol, price, asked.balance.currency if asked.balance else None)


def is_surely_below(value: float, bound: float, size: float) -> bool:
    """Whether a number is below another however doubles were rounded on the way; else decimals are asked.

    Args:
        value: made of doubles and decimals by a few sums and products.
        bound: likewise.
        size: of the numbers that made them; a double of each is off by 1e-16 of it.
    """
    return value < bound - 1e-12 * size < math.inf


def _by_count(one: InForce, asked: Asked) -> str | None:
    limit, usage = one
    if limit.rule == "order_rate":
        count = usage.orders(asked.account, limit.window, asked.now_ns) + 1
        return _beyond(ORDER_RATE_LIMIT, limit, f" orders in {limit.window or '1s'}", Decimal(count)) if count > limit.threshold else None
    total = EXACT.add(usage.money(asked.account, asked.now_ns), asked.ordered)
    return _beyond(DAILY_NOTIONAL_LIMIT, limit, " a day", total) if total > limit.threshold else None


def _count(asked: Asked, limits: Sequence[InForce]) -> None:
    for limit, usage in limits:
        if limit.rule == "order_rate":
            usage.count_order(asked.account, asked.now_ns)
        elif asked.ordered:
            usage.count_money(asked.account, asked.now_ns, asked.ordered)


def _beyond(code: str, limit: Limit, what: str, found: Decimal) -> str:
    return f"{code}: expected at most {shown(limit.threshold)}{what} (limit {limit.limit_id}), found {shown(found)}"


def _beyond_firm(code: str, which: str, limit: Limit, found: Decimal, firm: Exposure, asked: Asked) -> str:
    old = age(firm.as_of_ns, asked.now_ns) if firm.as_of_ns else "no firm-wide values yet"
    return (
        f"{code}: expected a {which} exposure of the firm of at most {shown(limit.threshold)} (limit {limit.limit_id}), "
        f"found {shown(found)} with open orders and this one ({old})"
    )


def _without_price(asked: Asked) -> str:
    what = "mark" if asked.stated_price is None else "mark or rate"
    return f"{PRICE_UNKNOWN}: expected a {what} of {asked.symbol} to hold the order against, found none"
