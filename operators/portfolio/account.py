"""One account in its own currency: cash and what was realised, exact, each increment at the rate of its time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from operators.portfolio.exact import EXACT, ZERO, add, multiply, shown
from operators.portfolio.rates import Rates
from schemas.portfolio import BalanceUpdate
from schemas.times import DAY_NS

_LAST_PLACE = Decimal("1E-12")


class Money(msgspec.Struct, frozen=True, gc=False):
    """What came to an account at once, in one currency."""

    cash: Decimal
    realized: Decimal
    shift: Decimal = ZERO
    """Neither gain nor loss: deposits, withdrawals, transfers."""

    def __add__(self, other: Money) -> Money:
        shift = add(self.shift, other.shift) if other.shift else self.shift
        return Money(add(self.cash, other.cash), add(self.realized, other.realized), shift)

    def __bool__(self) -> bool:
        return bool(self.cash or self.realized or self.shift)

    def at(self, rate: Decimal) -> Money:
        """Converted; a product is rounded to twelve decimals."""
        return self if rate == 1 else Money(*(_converted(amount, rate) for amount in (self.cash, self.realized, self.shift)))


_NOTHING = Money(ZERO, ZERO)


class Past(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the last holding of a symbol said: the next one's increments count from it."""

    cash: Decimal = ZERO
    realized: Decimal = ZERO
    moved: Decimal = ZERO
    foreign_fees: dict[str, Decimal] = {}


class Worth(msgspec.Struct, frozen=True, gc=False):
    """Of the open positions of an account, in its currency. None: unknown, as ``reason`` says."""

    unrealized: float | None
    gross: float | None
    net: float | None
    worth: float | None
    reason: str | None


class AccountState:
    """What is remembered of an account beside its positions.

    Attributes:
        pending: money of currencies whose rate is not known yet.
        unknown: symbols whose realised P&L is unknown, with the reason.
        total: realised and unrealised P&L when it was last evaluated; None: it was unknown.
        base: the same at the start of the day.
        high: largest equity so far.
    """

    __slots__ = ("base", "currency", "day", "high", "money", "name", "opening", "pending", "total", "unknown")

    def __init__(self, name: str, currency: str, opening: Decimal) -> None:
        self.name, self.currency, self.opening = name, currency, opening
        self.money = _NOTHING
        self.pending: dict[str, Money] = {}
        self.unknown: dict[str, str] = {}
        self.day = -1
        self.total: float | None = 0.0
        self.base: float | None = 0.0
        self.high: float | None = float(opening)

    def begin(self, currency: str, opening: Decimal, rates: Rates) -> bool:
        """Begin with this cash instead of that before; whether that differs. Amounts of another currency are converted at present rates."""
        if (currency, opening) == (self.currency, self.opening):
            return False
        if currency != self.currency:
            was, money, self.money = self.currency, self.money, _NOTHING
            self.currency, self.high, self.total, self.base = currency, None, None, None
            self.take(Money(money.cash, money.realized), was, rates)
            self.settle(rates)
        elif self.high is not None:
            self.high += float(add(opening, self.opening.copy_negate()))
        self.opening = opening
        return True

    def take(self, money: Money, currency: str, rates: Rates) -> None:
        """Book money at the present rate; without one it waits."""
        if not money:
            return
        if currency != self.currency:
            rate = rates.rate(currency, self.currency)
            if rate is None:
                self.pending[currency] = self.pending.get(currency, _NOTHING) + money
                return
            money = money.at(rate)
        self.money += money
        if money.shift and self.high is not None:
            self.high += float(money.shift)

    def settle(self, rates: Rates) -> bool:
        """Book what waited for a rate that is known now; whether there was any."""
        known = [currency for currency in self.pending if rates.rate(currency, self.currency) is not None]
        for currency in known:
            self.take(self.pending.pop(currency), currency, rates)
        return bool(known)

    def evaluate(self, worth: Worth, time_ns: int) -> BalanceUpdate:
        """What the account is worth now; moves the day and the high-water mark along."""
        if time_ns // DAY_NS > self.day:
            self.day, self.base = time_ns // DAY_NS, self.total
        reasons = [f"no rate of {currency} in {self.currency}" for currency in self.pending]
        has_cash = not any(money.cash for money in self.pending.values())
        cash = shown(add(self.opening, self.money.cash)) if has_cash else None
        has_realized = not self.unknown and not any(money.realized for money in self.pending.values())
        realized = float(self.money.realized) if has_realized else None
        equity = None if cash is None or worth.worth is None else float(cash) + worth.worth
        self.total = None if realized is None or worth.unrealized is None else realized + worth.unrealized
        if equity is not None:
            self.high = equity if self.high is None else max(self.high, equity)
        day = None if self.total is None or self.base is None else self.total - self.base
        reasons += [*self.unknown.values(), *([worth.reason] if worth.reason else [])]
        if self.total is not None and self.base is None:
            reasons.append("P&L at the start of the day was unknown")
        return BalanceUpdate(
            account=self.name,
            currency=self.currency,
            cash=cash,
            equity=equity,
            realized_pnl=realized,
            unrealized_pnl=worth.unrealized,
            day_pnl=day,
            gross_exposure=worth.gross,
            net_exposure=worth.net,
            high_water_mark=self.high,
            reason="; ".join(dict.fromkeys(reasons)) or None,
        )

    def dump(self) -> list[Any]:
        """Plain data."""
        pending = [[currency, *_texts(money)] for currency, money in self.pending.items()]
        whole = [self.name, self.currency, str(self.opening), _texts(self.money), pending, dict(self.unknown)]
        return [*whole, self.day, self.total, self.base, self.high]

    @classmethod
    def load(cls, stored: list[Any]) -> AccountState:
        """The account that ``dump`` wrote."""
        name, currency, opening, money, pending, unknown, day, total, base, high = stored
        state = cls(name, currency, Decimal(opening))
        state.money = Money(*map(Decimal, money))
        state.pending = {waiting: Money(*map(Decimal, amounts)) for waiting, *amounts in pending}
        state.unknown = dict(unknown)
        state.day, state.total, state.base, state.high = day, total, base, high
        return state


def _converted(amount: Decimal, rate: Decimal) -> Decimal:
    product = multiply(amount, rate)
    exponent = product.as_tuple().exponent
    return product if isinstance(exponent, int) and exponent >= -12 else product.quantize(_LAST_PLACE, context=EXACT)


def _texts(money: Money) -> list[str]:
    return [str(money.cash), str(money.realized), str(money.shift)]
