"""How much of a limit is used: orders within a window, money within a day; of each limit and account (and symbol, where it names one).

It is counted while the limit is in force, by event time; an older event counts as of now. What was refused is not counted.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any

from operators.orders.decimals import EXACT, ZERO
from schemas.control import Limit
from schemas.durations import parse_duration
from schemas.times import DAY_NS, SECOND_NS

TIMES_KEPT = 10_000
"""Orders within a window that are counted; a limit of more is never reached here."""


class Usage:
    """Of the limits in force."""

    def __init__(self) -> None:
        self._times: dict[str, dict[str, deque[int]]] = {}
        self._money: dict[str, dict[str, tuple[int, Decimal]]] = {}

    def forget(self, limit_id: str) -> None:
        """A limit ended, or became another rule's."""
        self._times.pop(limit_id, None)
        self._money.pop(limit_id, None)

    def orders(self, limit: Limit, account: str, now_ns: int) -> int:
        """Accepted within the window that ends now."""
        times = self._times.get(limit.limit_id, {}).get(account)
        if not times:
            return 0
        before_ns = max(now_ns, times[-1]) - window_ns(limit)
        while times and times[0] <= before_ns:
            times.popleft()
        return len(times)

    def money(self, limit: Limit, account: str, now_ns: int) -> Decimal:
        """Ordered on the day of now, UTC."""
        day, total = self._money.get(limit.limit_id, {}).get(account, (0, ZERO))
        return total if day >= now_ns // DAY_NS else ZERO

    def count(self, limit: Limit, account: str, now_ns: int, notional: Decimal | None) -> None:
        """An order was accepted, of this much money; None: it is not known, or nothing was ordered anew."""
        if limit.rule == "order_rate":
            times = self._times.setdefault(limit.limit_id, {}).setdefault(account, deque(maxlen=TIMES_KEPT))
            times.append(max(now_ns, times[-1]) if times else now_ns)
        elif limit.rule == "daily_notional" and notional:
            spent = self._money.setdefault(limit.limit_id, {})
            day = max(now_ns // DAY_NS, spent.get(account, (0, ZERO))[0])
            spent[account] = day, EXACT.add(self.money(limit, account, now_ns), notional)

    def stored(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "times": {limit_id: {name: list(times) for name, times in counted.items()} for limit_id, counted in self._times.items()},
            "money": {
                limit_id: {name: (day, str(total)) for name, (day, total) in spent.items()} for limit_id, spent in self._money.items()
            },
        }

    def load(self, stored: dict[str, Any]) -> None:
        """As it was stored."""
        self._times = {
            limit_id: {name: deque(times, TIMES_KEPT) for name, times in counted.items()} for limit_id, counted in stored["times"].items()
        }
        self._money = {
            limit_id: {name: (day, Decimal(total)) for name, (day, total) in spent.items()} for limit_id, spent in stored["money"].items()
        }


def window_ns(limit: Limit) -> int:
    """Of a rate; a second unless the limit says otherwise."""
    return SECOND_NS if limit.window is None else parse_duration(limit.window)
