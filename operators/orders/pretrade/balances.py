"""Balances of all accounts, of every shard: what the firm has at stake, as of when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from operators.orders.decimals import EXACT, ZERO
from operators.orders.pretrade.prices import Prices
from schemas.balances import Balance, BalanceFrame

FRAMES_WAITING = 64
"""Frames that wait to be folded."""


class Exposure(NamedTuple):
    """Of the firm."""

    gross: Decimal
    net: Decimal
    """Signed."""
    as_of_ns: int
    """Event time of the latest balance in it; 0: there is none."""


class Balances:
    """As many as there are accounts."""

    def __init__(self) -> None:
        self._balances: dict[str, Balance] = {}
        self._waiting: list[BalanceFrame] = []

    def put(self, frame: BalanceFrame) -> None:
        """Take balances that are later than those before."""
        self._waiting.append(frame)
        if len(self._waiting) >= FRAMES_WAITING:
            self._fold()

    def of(self, account: str) -> Balance | None:
        """Of one account; None: none is known."""
        self._fold()
        return self._balances.get(account)

    def exposure(self, currency: str | None, prices: Prices) -> Exposure:
        """Of all accounts, in a currency (None: each in its own). What is not known of an account, or has no rate, is left out."""
        self._fold()
        gross, net, as_of_ns = ZERO, ZERO, 0
        for balance in self._balances.values():
            if balance.gross_exposure is None:
                continue
            rate = Decimal(1) if currency is None else prices.rate(balance.currency, currency)
            if rate is not None:
                gross = EXACT.add(gross, EXACT.multiply(Decimal(repr(balance.gross_exposure)), rate))
                net = EXACT.add(net, EXACT.multiply(Decimal(repr(balance.net_exposure or 0.0)), rate))
                as_of_ns = max(as_of_ns, balance.time_ns)
        return Exposure(gross, net, as_of_ns)

    def stored(self) -> dict[str, Any]:
        """As plain data."""
        self._fold()
        return {account: tuple(balance) for account, balance in self._balances.items()}

    def load(self, stored: dict[str, Any]) -> None:
        """As they were stored."""
        self._balances = {account: Balance(*balance) for account, balance in stored.items()}

    def _fold(self) -> None:
        if not self._waiting:
            return
        for frame in self._waiting:
            self._balances |= frame.balances
        self._waiting.clear()
