"""Rates of exchange from ticks, and that what marking compiles is compiled once."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from operators.portfolio import account_kernel, mark_kernel
from operators.portfolio.pairs import PairMarks
from operators.portfolio.settings import PortfolioSettings
from operators.portfolio.step import AccountsStep, PortfolioStep
from schemas.control import Account, Control, Instrument
from schemas.kernels import is_uncompiled
from schemas.pnl_frames import AccountFrame, split_by_account
from schemas.symbols import shard_of
from schemas.ticks import TickFrame
from tests.operators.cases_marking import START, bar, holding, tick


def said(pairs: PairMarks, *rows: np.ndarray) -> list[tuple[str, str, Decimal]]:
    return [(rate.base, rate.quote, rate.mid) for rate in pairs.on_frame(TickFrame(np.concatenate(rows)))]


def test_a_pair_is_said_once_a_frame_by_its_mid_and_only_when_that_changed() -> None:
    pairs = PairMarks()
    quotes = [tick("EURUSD", START, bid=1.1, ask=1.2), tick("EURUSD", START + 1, bid=1.1, ask=1.3), tick("AMZN", START, price=5.0)]
    assert said(pairs, *quotes) == [("EUR", "USD", Decimal("1.2"))]
    assert said(pairs, tick("EURUSD", START + 2, bid=1.0, ask=1.4)) == []
    assert said(pairs, tick("EURUSD", START + 3, price=9.0)) == [], "a quote goes before a trade"


def test_a_pair_without_a_quote_is_said_by_its_trade_and_never_at_nought() -> None:
    pairs = PairMarks()
    assert said(pairs, tick("USDJPY", START, bid=120.0)) == []
    assert said(pairs, tick("USDJPY", START, price=120.5)) == [("USD", "JPY", Decimal("120.5"))]
    assert said(pairs, tick("USDJPY", START + 1, price=0.0)) == []


def test_an_instrument_says_what_a_pair_is() -> None:
    pairs = PairMarks()
    assert said(pairs, tick("ABCUSDT", START, price=3000.0)) == []
    pairs.on_instrument("ABCUSDT", Instrument("ABCUSDT", base_currency="ABC", currency="USDT"))
    assert said(pairs, tick("ABCUSDT", START + 1, price=3001.0)) == [("ABC", "USDT", Decimal("3001.0"))]
    pairs.on_instrument("ABCUSDT", None)
    assert said(pairs, tick("ABCUSDT", START + 2, price=3002.0)) == []


def test_a_shard_says_only_its_own_pairs() -> None:
    own = shard_of(b"EURUSD")
    assert said(PairMarks(own), tick("EURUSD", START, price=1.1))
    assert not said(PairMarks(1 - own if own < 2 else 0), tick("EURUSD", START, price=1.1))


@pytest.mark.skipif(is_uncompiled(), reason="nothing is compiled")
def test_one_signature_each_after_pickling_restoring_and_slicing() -> None:
    own, owner = shard_of(b"AMZN"), shard_of(b"A")
    portfolio, accounts = PortfolioStep(PortfolioSettings(), own, None), AccountsStep(PortfolioSettings(), owner, None)
    for _ in range(2):
        made: list[Any] = [portfolio.process(TickFrame(np.concatenate([tick("AMZN", START + at, price=1.0 + at) for at in range(4)])[::2]))]
        made.append(portfolio.process(bar("AMZN", START, 1.0)))
        accounts.process(Control("control.accounts", "A", Account("A")))
        book = portfolio._marks
        held = holding("A", "AMZN", 1 + len(book), 10, 100)
        for _, one in split_by_account(AccountFrame([held], [], book.on_holdings([held]))):
            accounts.process(one)
            accounts.process(pickle.loads(pickle.dumps(one)))
        portfolio = PortfolioStep(PortfolioSettings(), own, pickle.loads(pickle.dumps(portfolio.snapshot())))
        accounts = AccountsStep(PortfolioSettings(), owner, pickle.loads(pickle.dumps(accounts.snapshot())))
        portfolio.process(TickFrame(tick("AMZN", START + 9, price=7.0)))
    marking = (mark_kernel.take_ticks, mark_kernel.take_closes, mark_kernel.say)
    summing = (account_kernel.take_pnl, account_kernel.take_holdings, account_kernel.sum_touched, account_kernel.fill_slots)
    kernels: list[Any] = [*marking, *summing]
    assert {kernel.__name__: len(kernel.signatures) for kernel in kernels} == {kernel.__name__: 1 for kernel in kernels}
