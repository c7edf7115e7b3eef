"""The limits of ``control.limits`` that are checked before an order leaves, found by whom they hold.

A limit of the firm holds every account, each for itself; one of a symbol each account's orders in it. Sums over accounts are for the risk
flow to watch, save the firm's gross exposure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.control import Limit

RULES = frozenset({"position", "order_notional", "daily_notional", "order_rate"})
FIRM_RULE = "gross_exposure"
"""Checked for the firm alone."""

Whom = tuple[str | None, str | None]
"""(account, symbol); None: all."""

_decode = msgspec.json.Decoder(Limit).decode


def is_checked(limit: Limit | None) -> bool:
    """Whether orders are held against a limit before they leave."""
    return limit is not None and limit.enabled and (limit.rule in RULES or (limit.rule == FIRM_RULE and limit.scope == "firm"))


def whom(limit: Limit) -> Whom:
    """Whom a limit holds."""
    return limit.account if "account" in limit.scope else None, limit.symbol if "symbol" in limit.scope else None


class Limits:
    """Those in force, by id, and by whom they hold."""

    def __init__(self) -> None:
        self.by_id: dict[str, Limit] = {}
        self._by_whom: dict[Whom, dict[str, Limit]] = {}

    def put(self, limit_id: str, limit: Limit | None) -> bool:
        """Put a limit in force, or (None, or one that is not checked) end it; whether one is in force now."""
        before = self.by_id.pop(limit_id, None)
        if before is not None:
            held = self._by_whom[whom(before)]
            del held[limit_id]
            if not held:
                del self._by_whom[whom(before)]
        if limit is None or not is_checked(limit):
            return False
        self.by_id[limit_id] = limit
        self._by_whom.setdefault(whom(limit), {})[limit_id] = limit
        return True

    def of(self, account: str, symbol: str) -> Iterator[Limit]:
        """All that hold an account's orders in a symbol."""
        for key in ((account, symbol), (account, None), (None, symbol), (None, None)):
            held = self._by_whom.get(key)
            if held:
                yield from held.values()

    def stored(self) -> list[Any]:
        """As plain data."""
        return [msgspec.json.encode(limit) for limit in self.by_id.values()]

    def load(self, stored: list[Any]) -> None:
        """As they were stored."""
        for text in stored:
            limit = _decode(text)
            self.put(limit.limit_id, limit)
