"""Accounts: exact cash, totals from the latest snapshots whatever their order, and null with a reason where something is unknown."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.portfolio.accounts import Accounts
from operators.portfolio.settings import PortfolioSettings
from schemas.control import Account
from schemas.events import Place
from schemas.holdings import CashMove, Rate
from schemas.portfolio import BalanceUpdate
from schemas.times import DAY_NS
from tests.operators.cases_marking import START, frame, holding, pnl

D = Decimal
_numbers = count()


def make(*opened: Account) -> Accounts:
    accounts = Accounts(PortfolioSettings())
    for account in opened:
        accounts.on_account(account, START)
    return accounts


def rate(base: str, quote: str, mid: object, time_ns: int = START) -> Rate:
    return Rate(base, quote, D(str(mid)), time_ns, Place("market.ticks", 0, 1))


def move(account: str, amount: object, currency: str = "USD", *, is_income: bool = False) -> CashMove:
    return CashMove(account, f"m{next(_numbers)}", D(str(amount)), currency, is_income, "c", START, Place("orders.events", 0, 1))


def only(events: list[Any]) -> BalanceUpdate:
    (event,) = events
    assert isinstance(event.payload, BalanceUpdate)
    return event.payload


def test_an_account_is_opened_once_and_a_later_record_replaces_its_cash() -> None:
    accounts = Accounts(PortfolioSettings())
    opened = only(accounts.on_account(Account("A", "USD", D("100.10")), START))
    assert (opened.cash, opened.equity, opened.high_water_mark, opened.reason) == (D("100.10"), 100.10, 100.10, None)
    assert accounts.on_account(Account("A", "USD", D("100.10")), START) == []
    again = only(accounts.on_account(Account("A", "USD", D(50)), START))
    assert (again.cash, again.day_pnl) == (D(50), 0.0)
    assert again.high_water_mark == pytest.approx(50.0)


def test_of_a_share_equity_is_cash_and_worth_and_of_a_future_cash_and_gain() -> None:
    for is_margined, cash, equity in ((False, D(-1000), 99_100.0 + 1000), (True, D(0), 100_100.0)):
        accounts = make(Account("A", "USD", D(100_000)))
        held = holding("A", "AMZN", 1, 10, 100, cash=cash, is_margined=is_margined)
        said = only(accounts.on_frame(frame(held, pnl("A", "AMZN", 1, 100.0, 1100.0))))
        assert said.cash == 100_000 + cash
        assert (said.equity, said.unrealized_pnl, said.gross_exposure, said.net_exposure) == (equity, 100.0, 1100.0, 1100.0)
        assert (said.day_pnl, said.high_water_mark) == (100.0, equity)


def test_shorts_add_to_gross_and_take_from_net() -> None:
    accounts = make()
    rows = [pnl("A", "AMZN", 1, 0.0, 300.0), pnl("A", "MSFT", 1, 0.0, -500.0)]
    said = only(accounts.on_frame(frame(holding("A", "AMZN", 1, 1, 1), holding("A", "MSFT", 1, -1, 1), *rows)))
    assert (said.gross_exposure, said.net_exposure) == (800.0, -200.0)


def test_what_is_unknown_is_null_with_the_name_of_what_is_missing() -> None:
    accounts = make(Account("A", "EUR", D(10)))
    unmarked = only(accounts.on_frame(frame(holding("A", "AMZN", 1, 10, 100), pnl("A", "AMZN", 1, math.nan, math.nan))))
    assert (unmarked.equity, unmarked.unrealized_pnl, unmarked.gross_exposure, unmarked.day_pnl) == (None,) * 4
    assert unmarked.cash == 10
    assert "AMZN" in (unmarked.reason or "")
    no_rate = only(accounts.on_frame(frame(pnl("A", "AMZN", 1, 5.0, 500.0))))
    assert no_rate.equity is None
    assert no_rate.reason == "no rate of USD in EUR"
    known = only(accounts.on_rate(rate("EUR", "USD", 2)))
    assert (known.unrealized_pnl, known.net_exposure, known.equity, known.reason) == (2.5, 250.0, 260.0, None)


def test_money_waits_for_a_rate_and_is_then_converted_at_that_one() -> None:
    accounts = make(Account("A", "USD", D(100)))
    said = only(accounts.on_frame(frame(holding("A", "SAP", 1, 0, cash=D(7), realized=D(7), currency="EUR"))))
    assert (said.cash, said.realized_pnl, said.equity) == (None, None, None)
    assert said.reason == "no rate of EUR in USD"
    booked = only(accounts.on_rate(rate("EUR", "USD", "1.1")))
    assert (booked.cash, booked.realized_pnl) == (D("107.7"), 7.7)
    assert accounts.on_rate(rate("EUR", "USD", "1.1", START + 1)) == [], "the same rate changes nothing"
    later = only(accounts.on_frame(frame(holding("A", "SAP", 2, 0, cash=D(17), realized=D(17), currency="EUR"))))
    assert (later.cash, later.reason) == (D("118.7"), None)
    assert only(accounts.on_rate(rate("EUR", "USD", "2", START + 2))).cash == D("118.7"), "what was booked stays"
    more = only(accounts.on_frame(frame(holding("A", "SAP", 3, 0, cash=D(18), realized=D(18), currency="EUR"))))
    assert (more.cash, more.realized_pnl) == (D("120.7"), 20.7)


def test_a_fee_in_a_third_currency_takes_cash_and_unknown_realized_says_why() -> None:
    accounts = make(Account("A", "USD", D(100)))
    accounts.on_rate(rate("BNB", "USD", 300))
    fees = (("BNB", D("0.1")),)
    said = only(accounts.on_frame(frame(holding("A", "BTC", 1, 0, realized=None, foreign_fees=fees, reason="no rate of BNB"))))
    assert (said.cash, said.realized_pnl, said.day_pnl, said.reason) == (D(70), None, None, "no rate of BNB")
    known = only(accounts.on_frame(frame(holding("A", "BTC", 2, 0, realized=D(-30), foreign_fees=fees))))
    assert (known.cash, known.realized_pnl, known.reason) == (D(70), -30.0, None)


def test_deposits_move_the_high_water_mark_and_income_is_pnl() -> None:
    accounts = make(Account("A", "USD", D(100)))
    assert only(accounts.on_frame(frame(move("A", 50)))).high_water_mark == 150.0
    interest = only(accounts.on_frame(frame(move("A", "0.5", is_income=True))))
    assert (interest.cash, interest.realized_pnl, interest.high_water_mark, interest.day_pnl) == (D("150.5"), 0.5, 150.5, 0.5)
    loss = only(accounts.on_frame(frame(move("A", "-10", is_income=True))))
    assert (loss.equity, loss.high_water_mark) == (140.5, 150.5)
    assert only(accounts.on_frame(frame(move("A", -40)))).high_water_mark == 110.5


def test_a_transfer_moves_the_high_water_mark_by_its_worth() -> None:
    accounts = make(Account("A", "USD", D(100)))
    said = only(accounts.on_frame(frame(holding("A", "AMZN", 1, 10, 100, moved=D(1000)), pnl("A", "AMZN", 1, 0.0, 1000.0))))
    assert (said.cash, said.equity, said.high_water_mark, said.day_pnl) == (D(100), 1100.0, 1100.0, 0.0)


def test_a_day_begins_at_midnight_utc_also_within_one_input() -> None:
    accounts = make(Account("A", "USD", D(100)))
    accounts.on_frame(frame(holding("A", "AMZN", 1, 1, 10), pnl("A", "AMZN", 1, 3.0, 13.0)))
    days = [pnl("A", "AMZN", 1, 5.0, 15.0, START + DAY_NS - 1), pnl("A", "AMZN", 1, 9.0, 19.0, START + DAY_NS)]
    said = only(accounts.on_frame(frame(*days)))
    assert (said.unrealized_pnl, said.day_pnl) == (9.0, 4.0)


def test_a_pnl_that_was_unknown_when_the_day_began_leaves_the_days_unknown() -> None:
    accounts = make()
    accounts.on_frame(frame(holding("A", "AMZN", 1, 1, 10), pnl("A", "AMZN", 1, math.nan, math.nan)))
    said = only(accounts.on_frame(frame(pnl("A", "AMZN", 1, 9.0, 19.0, START + DAY_NS))))
    assert (said.unrealized_pnl, said.day_pnl, said.reason) == (9.0, None, "P&L at the start of the day was unknown")


def test_an_account_in_another_currency_is_converted_again() -> None:
    accounts = make(Account("A", "USD", D(0)))
    accounts.on_rate(rate("EUR", "USD", 2))
    accounts.on_frame(frame(holding("A", "AMZN", 1, 1, 10, cash=D(-10), realized=D(4)), pnl("A", "AMZN", 1, 2.0, 12.0)))
    said = only(accounts.on_account(Account("A", "EUR", D(100)), START))
    assert (said.currency, said.cash, said.realized_pnl, said.unrealized_pnl, said.equity) == ("EUR", D(95), 2.0, 1.0, 101.0)


def test_an_older_or_equal_version_changes_nothing() -> None:
    accounts = make(Account("A", "USD", D(100)))
    accounts.on_frame(frame(holding("A", "AMZN", 2, 1, 10, cash=D(-10)), pnl("A", "AMZN", 2, 2.0, 12.0)))
    before = accounts.snapshot()
    for version in (1, 2):
        assert accounts.on_frame(frame(holding("A", "AMZN", version, 5, 10, cash=D(-50)))) == []
    assert accounts.on_frame(frame(pnl("A", "AMZN", 1, 3.0, 13.0))) == []
    assert accounts.snapshot() == before


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_holdings_and_rows_in_any_order_and_grouping_come_to_the_same(seed: int) -> None:
    """Of each position they keep their own order; between positions, and between holdings and rows, there is none."""
    rng = random.Random(seed)
    lines: list[list[Any]] = []
    total, gains, gross, net = D(1000), 0.0, 0.0, 0.0
    for number in range(rng.randrange(1, 6)):
        symbol, held, row = f"S{number}", list[Any](), list[Any]()
        cash, gain, exposure = D(0), 0.0, 0.0
        for version in range(1, rng.randrange(2, 5)):
            cash, gain, exposure = D(rng.randrange(-500, 500)) / 4, float(rng.randrange(-50, 50)), float(rng.randrange(-500, 500))
            held.append(holding("A", symbol, version, 1, 10, cash=cash))
            row += [pnl("A", symbol, version, gain - 1, exposure), pnl("A", symbol, version, gain, exposure)]
        lines += [held, row]
        total, gains, gross, net = total + cash, gains + gain, gross + abs(exposure), net + exposure
    accounts = make(Account("A", "USD", D(1000)))
    last: list[Any] = []
    while any(lines):
        left = sum(map(len, lines))
        taken = [rng.choice([line for line in lines if line]).pop(0) for _ in range(min(left, rng.randrange(1, 4)))]
        last = accounts.on_frame(frame(*taken)) or last
    said = only(last)
    assert (said.cash, said.unrealized_pnl, said.gross_exposure, said.net_exposure) == (total, gains, gross, net)
    assert said.equity == pytest.approx(float(total) + net)


def test_an_account_is_said_once_an_input() -> None:
    accounts = make()
    things: list[Any] = [holding(account, f"S{at}", 1, 1, 10) for at in range(5) for account in "AB"]
    things += [pnl(account, f"S{at}", 1, 1.0, 10.0) for at in range(5) for account in "AB"]
    events = accounts.on_frame(frame(*things))
    assert [event.payload.account for event in events] == ["A", "B"]
    assert len({event.header.event_id for event in events}) == 2


def test_many_entries_are_found_again() -> None:
    accounts = make()
    rng = np.random.default_rng(1)
    for at in rng.permutation(3000).tolist():
        accounts.on_frame(frame(holding(f"N{at % 30}", f"T{at // 30}", 1, 1, 1), pnl(f"N{at % 30}", f"T{at // 30}", 1, 1.0, 2.0)))
    again = Accounts(PortfolioSettings())
    again.restore(accounts.snapshot())
    for one in (accounts, again):
        said = only(one.on_frame(frame(pnl("N7", "T3", 1, 2.0, 2.0))))
        assert (said.unrealized_pnl, said.gross_exposure) == (101.0, 200.0)
