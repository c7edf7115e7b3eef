"""Who holds what of a shard of symbols: the latest version of each position, and a seat for each open one in the kernel's arrays."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from operators.market.state import grown
from operators.risk.symbols.watch_state import POSITION, Records
from schemas.events import Event
from schemas.portfolio import PositionUpdate

NOWHERE = -1


class Held(msgspec.Struct, array_like=True):
    """One account's position in one symbol, open or flat; a flat one is kept for its version.

    Attributes:
        opened: the version that opened it; 0: it was open when it was first heard of.
        opened_ns: event time of that.
        seat: its place in ``Seats``; NOWHERE: it is flat.
        is_closing: a stop has ordered it to be closed.
    """

    account: str
    symbol: str
    quantity: Decimal
    version: int
    opened: int
    opened_ns: int
    correlation_id: str
    seat: int = NOWHERE
    is_closing: bool = False

    def take(self, event: Event[PositionUpdate]) -> None:
        """A later version of it."""
        self.quantity, self.version = event.payload.quantity, event.payload.version
        self.correlation_id = event.header.correlation_id


def sign_of(quantity: Decimal) -> int:
    """1 long, -1 short, 0 flat."""
    return (quantity > 0) - (quantity < 0)


class Holders:
    """Positions by (account, symbol), as many as these pairs."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Held] = {}
        self._by_symbol: dict[str, dict[str, Held]] = {}
        self._by_account: dict[str, dict[str, Held]] = {}

    def find(self, account: str | None, symbol: str) -> Held | None:
        """A position, open or flat."""
        return self._all.get((account or "", symbol))

    def take(self, event: Event[PositionUpdate]) -> Held:
        """A position that is not known: flat so far, though it may be of a late version."""
        payload = event.payload
        held = Held(payload.account, payload.symbol, Decimal(0), 0, 0, 0, event.header.correlation_id)
        self._all[payload.account, payload.symbol] = held
        return held

    def begin(self, held: Held, seat: int) -> None:
        """It is open from now on."""
        held.seat = seat
        self._by_symbol.setdefault(held.symbol, {})[held.account] = held
        self._by_account.setdefault(held.account, {})[held.symbol] = held

    def finish(self, held: Held) -> None:
        """It is flat from now on."""
        held.seat = NOWHERE
        for index, name, other in ((self._by_symbol, held.symbol, held.account), (self._by_account, held.account, held.symbol)):
            del index[name][other]
            if not index[name]:
                del index[name]

    def open_ones(self, account: str | None, symbol: str | None) -> list[Held]:
        """Open positions of an account, a symbol, both, or all (None), by name."""
        if symbol is not None:
            found = [one for one in self._by_symbol.get(symbol, {}).values() if account in (None, one.account)]
        elif account is not None:
            found = list(self._by_account.get(account, {}).values())
        else:
            found = [one for accounts in self._by_symbol.values() for one in accounts.values()]
        return sorted(found, key=lambda one: (one.symbol, one.account))

    def dump(self) -> bytes:
        """As plain data."""
        return msgspec.msgpack.encode(list(self._all.values()))

    def load(self, stored: bytes) -> None:
        """Continue from ``dump``."""
        for held in msgspec.msgpack.decode(stored, type=list[Held]):
            self._all[held.account, held.symbol] = held
            if held.seat != NOWHERE:
                self.begin(held, held.seat)


class Seats:
    """Open positions as the kernel sees them: a list for each symbol.

    Attributes:
        pool: shape (capacity,), dtype POSITION.
    """

    def __init__(self) -> None:
        self.pool: Records = np.zeros(16, POSITION)
        self._free = list(range(15, -1, -1))

    def sit(self, symbol: np.void, sign: int, price: float | None) -> int:
        """A seat for a position that was opened at a price (None: it is not known), the first of its symbol's list."""
        if not self._free:
            count = len(self.pool)
            self.pool = grown(self.pool, np.zeros(count, POSITION))
            self._free = list(range(2 * count - 1, count - 1, -1))
        at, following = self._free.pop(), int(symbol["position"])
        self.pool[at] = (-sign * np.inf if price is None else price, sign, NOWHERE, following, 0)
        if following >= 0:
            self.pool[following]["before"] = at
        symbol["position"] = at
        symbol["count"] += 1
        return at

    def rise(self, symbol: np.void, at: int) -> None:
        """A position is closed: its seat is free."""
        before, following = int(self.pool[at]["before"]), int(self.pool[at]["next"])
        if before >= 0:
            self.pool[before]["next"] = following
        else:
            symbol["position"] = following
        if following >= 0:
            self.pool[following]["before"] = before
        symbol["count"] -= 1
        self._free.append(at)

    def dump(self) -> tuple[bytes, list[int]]:
        """As plain data."""
        return self.pool.tobytes(), list(self._free)

    def load(self, stored: tuple[bytes, list[int]]) -> None:
        """Continue from ``dump``."""
        self.pool, self._free = np.frombuffer(bytearray(stored[0]), POSITION), list(stored[1])
