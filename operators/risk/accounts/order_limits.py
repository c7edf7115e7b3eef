"""Limits on orders: the size of one, what is ordered in a day, how many come in a window of event time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from operators.portfolio.exact import multiply
from operators.portfolio.rates import Rates
from operators.risk.accounts.order_flow import OrderFlow
from operators.risk.edges import Cause
from operators.risk.episodes import Edge, Episodes
from operators.risk.keys import Key
from schemas.control import Limit
from schemas.durations import parse_duration
from schemas.times import DAY_NS

ORDER_RULES = frozenset({"order_notional", "daily_notional", "order_rate"})

DEFAULT_WINDOW = "1s"


class NewOrder(msgspec.Struct, frozen=True, gc=False):
    """What an update made known of an order: that it is new, what it is worth, or both."""

    account: str
    symbol: str
    is_new: bool
    worth: Decimal | None
    """In ``currency``; None: not known yet, or known before."""
    currency: str
    """Of the instrument."""
    cause: Cause


class OrderLimits:
    """Orders by a name (the account, or the firm) and the limits on them.

    Args:
        rates: of exchange.
        currency_of: of a name; limits are in it.
    """

    def __init__(self, episodes: Episodes, rates: Rates, currency_of: Callable[[str], str]) -> None:
        self._episodes, self._rates, self._currency_of = episodes, rates, currency_of
        self._flows: dict[str, OrderFlow] = {}
        self._limits: dict[str, tuple[Limit, str, Key]] = {}
        self._of_name: dict[str, list[str]] = {}
        self._open: dict[str, None] = {}
        self._day = -1

    def put(self, limit_id: str, limit: Limit | None, name: str, key: Key) -> None:
        """A limit on the orders of a name is in force, instead of what had its id; None: no more."""
        before = self._limits.pop(limit_id, None)
        if before is not None:
            self._of_name[before[1]].remove(limit_id)
        self._open.pop(limit_id, None)
        if limit is not None:
            self._limits[limit_id] = limit, name, key
            self._of_name.setdefault(name, []).append(limit_id)
            if self._episodes.state(limit_id, key):
                self._open[limit_id] = None

    def on_order(self, name: str, order: NewOrder) -> Iterator[Edge]:
        """Count an order and hold it against the limits of the name."""
        flow = self._flows.setdefault(name, OrderFlow())
        rate = None if order.worth is None else self._rates.rate(order.currency, self._currency_of(name))
        worth = None if rate is None or order.worth is None else multiply(order.worth, rate)
        if order.is_new:
            flow.count(order.cause.time_ns, order.symbol)
        if worth is not None:
            flow.spend(order.cause.time_ns, order.symbol, worth)
        for limit_id in self._of_name.get(name, ()):
            limit, _, key = self._limits[limit_id]
            if key.symbol not in (None, order.symbol):
                continue
            value = worth if limit.rule == "order_notional" and worth else self._value(limit, flow, order.cause.time_ns)
            yield from self._judge(limit_id, key, value, order.cause)

    def judge_one(self, limit_id: str, cause: Cause) -> Iterator[Edge]:
        """Hold the present against a limit that has just come. The size of an order is nothing present."""
        limit, name, key = self._limits[limit_id]
        flow = self._flows.get(name)
        if flow is not None:
            yield from self._judge(limit_id, key, self._value(limit, flow, cause.time_ns), cause)

    def pass_time(self, cause: Cause) -> Iterator[Edge]:
        """Windows move on and days end: what is breached may be so no more."""
        if cause.time_ns // DAY_NS > self._day:
            self._day = cause.time_ns // DAY_NS
            for flow in self._flows.values():
                flow.turn(cause.time_ns)
        for limit_id in list(self._open):
            limit, name, key = self._limits[limit_id]
            if name in self._flows:
                yield from self._judge(limit_id, key, self._value(limit, self._flows[name], cause.time_ns), cause)

    def _judge(self, limit_id: str, key: Key, value: Decimal | None, cause: Cause) -> Iterator[Edge]:
        edge = self._episodes.judge(limit_id, key, value, cause)
        if edge:
            if edge.breach:
                self._open[limit_id] = None
            else:
                self._open.pop(limit_id, None)
            yield edge

    def _value(self, limit: Limit, flow: OrderFlow, now_ns: int) -> Decimal | None:
        symbol = limit.symbol if "symbol" in limit.scope else None
        if limit.rule == "daily_notional":
            return flow.spent(symbol)
        if limit.rule == "order_rate":
            return Decimal(flow.rate(parse_duration(limit.window or DEFAULT_WINDOW), now_ns, symbol))
        return None

    def dump(self) -> list[Any]:
        """Plain data."""
        return [self._day, [(name, flow.dump()) for name, flow in self._flows.items()]]

    def load(self, stored: list[Any]) -> None:
        """Continue from what ``dump`` returned."""
        self._day, flows = stored
        self._flows = {name: OrderFlow.load(flow) for name, flow in flows}
