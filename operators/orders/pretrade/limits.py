"""The limits of ``control.limits`` that are checked before an order leaves, found by whom they hold.

A limit of the firm holds every account, each for itself; one of a symbol each account's orders in it. Sums over accounts are for the risk
flow to watch, save the firm's gross and net exposure, which follow from the balances that come here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from operators.orders.pretrade.usage import Usage
from schemas.control import Limit

RULES = frozenset({"position", "order_notional", "daily_notional", "order_rate"})
FIRM_RULES = frozenset({"gross_exposure", "net_exposure"})
"""Checked for the firm alone."""

PRICED = frozenset({"order_notional", "daily_notional", *FIRM_RULES})
"""They need to know what a unit is worth."""

COUNTING = frozenset({"daily_notional", "order_rate"})

FOUND_KEPT = 100_000
"""Pairs of account and symbol whose limits are found at once; beyond that all are forgotten, and found again."""

Whom = tuple[str | None, str | None]
"""(account, symbol); None: all."""

_decode = msgspec.json.Decoder(Limit).decode


class InForce(NamedTuple):
    """A limit, and how much of it each account has used."""

    limit: Limit
    usage: Usage


class Found(NamedTuple):
    """The limits of an account's orders in a symbol. Of a rule that counts nothing the lowest stands for all."""

    position: Limit | None
    order_notional: Limit | None
    gross_exposure: Limit | None
    net_exposure: Limit | None
    counting: list[InForce]
    are_priced: bool
    """Any of them."""


def is_checked(limit: Limit | None) -> bool:
    """Whether orders are held against a limit before they leave."""
    return limit is not None and limit.enabled and (limit.rule in RULES or (limit.rule in FIRM_RULES and limit.scope == "firm"))


def whom(limit: Limit) -> Whom:
    """Whom a limit holds."""
    return limit.account if "account" in limit.scope else None, limit.symbol if "symbol" in limit.scope else None


class Limits:
    """Those in force, by id, and by whom they hold."""

    def __init__(self) -> None:
        self.by_id: dict[str, InForce] = {}
        self._by_whom: dict[Whom, dict[str, InForce]] = {}
        self._found: dict[tuple[str, str], Found] = {}
        self._found_whole: dict[str, Found] = {}

    def put(self, limit_id: str, limit: Limit | None) -> None:
        """Put a limit in force, or (None, or one that is not checked) end it. One that is changed goes on counting."""
        self._found.clear()
        self._found_whole.clear()
        before = self.by_id.pop(limit_id, None)
        if before is not None:
            held = self._by_whom[whom(before.limit)]
            del held[limit_id]
            if not held:
                del self._by_whom[whom(before.limit)]
        if limit is None or not is_checked(limit):
            return
        goes_on = before is not None and (before.limit.rule, whom(before.limit)) == (limit.rule, whom(limit))
        one = InForce(limit, before.usage if before and goes_on else Usage())
        self.by_id[limit_id] = self._by_whom.setdefault(whom(limit), {})[limit_id] = one

    def of(self, account: str, symbol: str) -> Found:
        """All that hold an account's orders in a symbol."""
        found = self._found.get((account, symbol))
        if found is None:
            of_symbol = self._by_whom.get((account, symbol)) or self._by_whom.get((None, symbol))
            found = self._found_of(account, symbol) if of_symbol else self._of_account(account)
            if len(self._found) >= FOUND_KEPT:
                self._found.clear()
            self._found[account, symbol] = found
        return found

    def _of_account(self, account: str) -> Found:
        """Those that hold all of its orders, whatever the symbol."""
        found = self._found_whole.get(account)
        if found is None:
            if len(self._found_whole) >= FOUND_KEPT:
                self._found_whole.clear()
            found = self._found_whole[account] = self._found_of(account, None)
        return found

    def _found_of(self, account: str, symbol: str | None) -> Found:
        keys: dict[Whom, None] = dict.fromkeys(((account, symbol), (account, None), (None, symbol), (None, None)))
        return _found([one for key in keys for one in self._by_whom.get(key, {}).values()])

    def stored(self) -> list[Any]:
        """As plain data."""
        return [(msgspec.json.encode(one.limit), one.usage.stored()) for one in self.by_id.values()]

    def load(self, stored: list[Any]) -> None:
        """As they were stored."""
        for text, usage in stored:
            limit = _decode(text)
            self.put(limit.limit_id, limit)
            self.by_id[limit.limit_id].usage.load(usage)


def _found(limits: list[InForce]) -> Found:
    def lowest(rule: str) -> Limit | None:
        return min((one.limit for one in limits if one.limit.rule == rule), key=lambda limit: limit.threshold, default=None)

    counting = [one for one in limits if one.limit.rule in COUNTING]
    are_priced = any(one.limit.rule in PRICED for one in limits)
    return Found(lowest("position"), lowest("order_notional"), lowest("gross_exposure"), lowest("net_exposure"), counting, are_priced)
