"""Balances of accounts as they go from the portfolio to whoever holds orders against them: the latest of each, absolute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from schemas.events import Event
from schemas.portfolio import BalanceUpdate


class Balance(NamedTuple):
    """Of an account, in its own currency; None: not known."""

    currency: str
    equity: float | None
    gross_exposure: float | None
    time_ns: int
    net_exposure: float | None = None


class BalanceFrame(msgspec.Struct, frozen=True, gc=False):
    """What was said at once."""

    balances: dict[str, Balance]
    """By account."""


def balance_frame(events: Iterable[Event[BalanceUpdate]]) -> BalanceFrame:
    """The last of each account."""
    return BalanceFrame(
        {
            update.account: Balance(update.currency, update.equity, update.gross_exposure, event.time_ns, update.net_exposure)
            for event in events
            for update in (event.payload,)
        }
    )
