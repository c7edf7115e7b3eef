"""What all accounts hold and are worth together, from the latest that is known of each.

All of it is absolute, positions by their versions, so that hearing a thing again changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from operators.market.state import grown, taken
from operators.portfolio.exact import add, subtract
from operators.portfolio.rates import Rates
from operators.risk.accounts.board import begin_day
from operators.risk.accounts.exposures import Held
from schemas.portfolio import BalanceUpdate, PositionUpdate

_BALANCE = np.dtype([("equity", np.float64), ("gain", np.float64), ("day", np.float64), ("currency", np.int64)], align=True)

_ZERO = Decimal(0)


class Worth(NamedTuple):
    """Of all accounts, in the firm's currency; None: unknown, as ``reason`` says."""

    equity: float | None
    high: float | None
    day: float | None
    reason: str | None


class FirmPositions:
    """Positions of all accounts, added up by symbol, exactly."""

    def __init__(self) -> None:
        self._positions: dict[tuple[str, str], tuple[int, Decimal]] = {}
        self._held: dict[str, Held] = {}

    def put(self, position: PositionUpdate) -> Held | None:
        """What the firm holds of the symbol after a position; None: it is no news."""
        key = position.account, position.symbol
        version, before = self._positions.get(key, (0, _ZERO))
        if position.version < version or (position.version == version and position.quantity == before):
            return None
        self._positions[key] = position.version, position.quantity
        held = self._held.get(position.symbol, Held(_ZERO, _ZERO))
        long = add(subtract(held.long, max(before, _ZERO)), max(position.quantity, _ZERO))
        short = add(subtract(held.short, max(-before, _ZERO)), max(-position.quantity, _ZERO))
        self._held[position.symbol] = Held(long, short)
        return self._held[position.symbol]

    def dump(self) -> list[Any]:
        """Plain data."""
        return [(*key, version, str(quantity)) for key, (version, quantity) in self._positions.items()]

    def load(self, stored: list[Any]) -> None:
        """Continue from what ``dump`` returned."""
        for account, symbol, version, text in stored:
            quantity = Decimal(text)
            self._positions[account, symbol] = version, quantity
            held = self._held.get(symbol, Held(_ZERO, _ZERO))
            self._held[symbol] = Held(add(held.long, max(quantity, _ZERO)), add(held.short, max(-quantity, _ZERO)))


class FirmBalances:
    """Balances of all accounts, added up.

    The firm's high-water mark is what was put in (equity less all gains) and the largest gain so far: money that comes or goes moves it
    along, as it does an account's.
    """

    def __init__(self, rates: Rates, currency: str) -> None:
        """``currency``: of the sums."""
        self._rates, self._currency = rates, currency
        self._rows: dict[str, int] = {}
        self._balances = np.zeros(0, _BALANCE)
        self._currencies: list[str] = []
        self._peak = 0.0

    def put(self, balances: Sequence[BalanceUpdate], days: Sequence[float | None]) -> None:
        """The latest of accounts, and their P&L of the present day; of one account the last holds."""
        rows = [self._rows.setdefault(balance.account, len(self._rows)) for balance in balances]
        if len(self._rows) > len(self._balances):
            more = max(64, len(self._rows)) - len(self._balances)
            self._balances = grown(self._balances, np.zeros(max(more, len(self._balances)), _BALANCE))
        self._balances["equity"][rows] = _numbers([balance.equity for balance in balances])
        self._balances["day"][rows] = _numbers(days)
        unrealized, realized = (_numbers([getattr(balance, name) for balance in balances]) for name in ("unrealized_pnl", "realized_pnl"))
        self._balances["gain"][rows] = realized + unrealized
        self._balances["currency"][rows] = [self._currency_of(balance.currency) for balance in balances]

    def begin_day(self) -> None:
        """Nothing is gained or lost yet."""
        begin_day(self._balances["day"])

    def worth(self) -> Worth:
        """Of all accounts at present rates."""
        balances, count = self._balances[: len(self._rows)], len(self._currencies)
        found = [self._rates.rate(currency, self._currency) for currency in self._currencies]
        rates = np.array([np.nan if rate is None else float(rate) for rate in found])
        equity, gain, day = (float(np.bincount(balances["currency"], balances[name], count) @ rates) for name in ("equity", "gain", "day"))
        if not math.isnan(gain):
            self._peak = max(self._peak, gain)
        reasons = [f"no rate of {name} in {self._currency}" for name, rate in zip(self._currencies, found, strict=True) if rate is None]
        missing = self._first_unknown(balances)
        reasons += [f"the worth of account {missing} is unknown"] if missing else []
        return Worth(_known(equity), _known(equity - gain + self._peak), _known(day), "; ".join(reasons) or None)

    def _first_unknown(self, balances: npt.NDArray[np.void]) -> str | None:
        unknown = np.flatnonzero(np.isnan(balances["equity"]))
        return next(name for name, row in self._rows.items() if row == unknown[0]) if len(unknown) else None

    def _currency_of(self, name: str) -> int:
        if name not in self._currencies:
            self._currencies.append(name)
        return self._currencies.index(name)

    def dump(self) -> list[Any]:
        """Plain data."""
        return [list(self._rows), taken(self._balances, len(self._rows)).tobytes(), list(self._currencies), self._peak]

    def load(self, stored: list[Any]) -> None:
        """Continue from what ``dump`` returned."""
        names, balances, currencies, self._peak = stored
        self._rows = {name: row for row, name in enumerate(names)}
        self._balances, self._currencies = np.frombuffer(bytearray(balances), _BALANCE), list(currencies)


def _numbers(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    """NaN where one is not known."""
    return np.array(values, np.float64)


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number
