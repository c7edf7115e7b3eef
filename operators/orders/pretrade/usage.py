"""How much of a limit each account has used: orders within a window, money within a day.

It is counted while the limit is in force, by event time; an older event counts as of now. What was refused is not counted.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from functools import lru_cache
from typing import Any

from operators.orders.decimals import EXACT, ZERO
from schemas.durations import parse_duration
from schemas.times import DAY_NS, SECOND_NS

TIMES_KEPT = 10_000
"""Orders within a window that are counted; a limit of more is never reached here."""


class Usage:
    """Of one limit."""

    def __init__(self) -> None:
        self._times: dict[str, deque[int]] = {}
        self._money: dict[str, tuple[int, Decimal]] = {}

    def orders(self, account: str, window: str | None, now_ns: int) -> int:
        """Accepted within the window that ends now."""
        times = self._times.get(account)
        if not times:
            return 0
        before_ns = max(now_ns, times[-1]) - _window_ns(window)
        while times and times[0] <= before_ns:
            times.popleft()
        return len(times)

    def money(self, account: str, now_ns: int) -> Decimal:
        """Ordered on the day of now, UTC."""
        spent = self._money.get(account)
        return spent[1] if spent is not None and spent[0] >= now_ns // DAY_NS else ZERO

    def count_order(self, account: str, now_ns: int) -> None:
        """An order was accepted."""
        times = self._times.get(account)
        if times is None:
            times = self._times[account] = deque(maxlen=TIMES_KEPT)
        times.append(max(now_ns, times[-1]) if times else now_ns)

    def count_money(self, account: str, now_ns: int, notional: Decimal) -> None:
        """So much was ordered."""
        day, spent = now_ns // DAY_NS, self._money.get(account)
        if spent is None or spent[0] < day:
            self._money[account] = day, notional
        else:
            self._money[account] = spent[0], EXACT.add(spent[1], notional)

    def stored(self) -> Any:
        """As plain data."""
        money = [(account, day, str(total)) for account, (day, total) in self._money.items()]
        return [(account, list(times)) for account, times in self._times.items()], money

    def load(self, stored: Any) -> None:
        """As it was stored."""
        times, money = stored
        self._times = {account: deque(some, TIMES_KEPT) for account, some in times}
        self._money = {account: (day, Decimal(total)) for account, day, total in money}


@lru_cache(maxsize=1024)
def _window_ns(window: str | None) -> int:
    """A second unless the limit says otherwise."""
    return SECOND_NS if window is None else parse_duration(window)
