"""The kill switch: who may trade. The stricter of the firm's and the account's state holds."""

from __future__ import annotations

from typing import Any

import msgspec

from operators.orders.causes import Halt, halt_key
from operators.orders.pretrade.reasons import TRADING_HALTED
from schemas.control import Control, Trading

_STRICTNESS = {"ACTIVE": 0, "REDUCING": 1, "HALTED": 2}

FIRM = ""
"""Stands where the name of an account would."""


class _Entry(msgspec.Struct, frozen=True):
    trading: Trading
    halt: Halt


class TradingStates:
    """What ``control.trading`` says. Whoever is not spoken of is ACTIVE. As many entries as accounts that were ever held back."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._offsets: dict[str, int] = {}

    def put(self, control: Control) -> None:
        """Take a state of the firm or of an account. An older one than is known, as it comes again at a start, changes nothing."""
        trading = control.payload
        if isinstance(trading, Trading):
            name = FIRM if trading.scope == "firm" else trading.account or FIRM
        else:
            name = FIRM if control.id == "firm" else control.id
        if control.place.offset < self._offsets.get(name, 0):
            return
        if isinstance(trading, Trading) and trading.state != "ACTIVE":
            key = halt_key(control.event_id or f"{control.id}@{control.place.offset}", control.time_ns)
            self._entries[name] = _Entry(trading, Halt(key, f"{TRADING_HALTED}: {described(trading)}", control.time_ns))
        elif self._entries.pop(name, None) is None:
            return
        self._offsets[name] = control.place.offset

    @property
    def is_active(self) -> bool:
        """Whether all may trade."""
        return not self._entries

    def of(self, account: str) -> Trading | None:
        """What holds an account back; None: nothing."""
        entry = self._entry(account)
        return entry.trading if entry else None

    def halt_of(self, account: str) -> Halt | None:
        """What its open orders are to be cancelled by; None: nothing."""
        entry = self._entry(account)
        return entry.halt if entry and entry.trading.state == "HALTED" else None

    def _entry(self, account: str) -> _Entry | None:
        if not self._entries:
            return None
        own, firm = self._entries.get(account), self._entries.get(FIRM)
        if own is None or firm is None:
            return own or firm
        return own if _STRICTNESS[own.trading.state] > _STRICTNESS[firm.trading.state] else firm

    def stored(self) -> dict[str, Any]:
        """As plain data."""
        return {"entries": msgspec.msgpack.encode(self._entries), "offsets": dict(self._offsets)}

    def load(self, stored: dict[str, Any]) -> None:
        """As they were stored."""
        self._entries = msgspec.msgpack.decode(stored["entries"], type=dict[str, _Entry])
        self._offsets = dict(stored["offsets"])


def described(trading: Trading) -> str:
    """Who is held back, by whom, and why."""
    who = "the firm" if trading.scope == "firm" else f"account {trading.account}"
    by = f" by {trading.user}" if trading.user else ""
    return f"{who} is {trading.state}{by}" + (f": {trading.reason}" if trading.reason else "")
