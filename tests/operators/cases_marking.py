"""Cases for marks, pairs and accounts."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.contract import Case, Said
from operators.portfolio.accounts import Accounts
from operators.portfolio.marks import MarkBook
from operators.portfolio.pairs import PairMarks
from operators.portfolio.settings import PortfolioSettings
from schemas.control import Account, Instrument
from schemas.events import Place
from schemas.holdings import CashMove, Holding, Rate
from schemas.interning import ACCOUNTS, CURRENCIES
from schemas.market_frames import BAR, Bars
from schemas.pnl_codec import pnl_event
from schemas.pnl_frames import NO_REASON, PNL, AccountFrame, Pnl
from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, QUOTE, TRADE, WATERMARK, Rows, TickFrame, empty_rows
from schemas.times import DAY_NS, END_OF_TIME_NS

START = 20_000 * DAY_NS
NAMES = ("AMZN", "EURUSD", "BTC-PERP")
OWNERS = ("A", "B", "é|")
ZERO = Decimal(0)


def holding(account: str, symbol: str, version: int, quantity: object, price: object = None, **more: Any) -> Holding:
    """A position whose unnamed values are the plainest there are."""
    average = None if price is None else Decimal(str(price))
    amount = Decimal(str(quantity))
    fields: dict[str, Any] = {
        "cost_basis": ZERO,
        "realized": ZERO,
        "fees": ZERO,
        "cash": ZERO,
        "foreign_fees": (),
        "moved": ZERO,
        "currency": "USD",
        "multiplier": Decimal(1),
        "inverse": False,
        "is_margined": False,
        "correlation_id": "c",
        "time_ns": START,
        "place": Place("orders.events", 0, version),
        **more,
    }
    return Holding(account, symbol, version, amount, average, **fields)


def tick(symbol: str | None, time_ns: int, **numbers: float) -> Rows:
    """One row: a trade where it has a price, else a quote; without a symbol a watermark."""
    row = empty_rows(1)
    row["kind"] = WATERMARK if symbol is None else TRADE if "price" in numbers else QUOTE
    row["symbol"] = NO_SYMBOL if symbol is None else SYMBOLS.code(symbol)
    row["time"] = row["watermark"] = time_ns
    for name, value in numbers.items():
        row[name] = value
    return row


def bar(symbol: str, end_ns: int, close: float) -> Bars:
    """One bar."""
    row = np.zeros(1, BAR)
    row["symbol"], row["end"], row["close"] = SYMBOLS.code(symbol), end_ns, close
    return row


def random_tick(rng: random.Random, now: int, names: Sequence[str] = NAMES) -> Rows:
    """Of few prices, so that marks often come back to what they were."""
    prices = [99.0, 100.0, 100.5, 101.0, math.nan]
    if rng.random() < 0.4:
        return tick(rng.choice(names), now, price=rng.choice([*prices[:-1], -1.0]))
    return tick(rng.choice(names), now, bid=rng.choice(prices), ask=rng.choice(prices))


def mark_inputs(seed: int) -> Sequence[Any]:
    """Ticks of one partition with holdings, bars and instruments among them; the end of time last."""
    rng = random.Random(seed)
    now, versions, events = START, dict.fromkeys(((a, s) for a in OWNERS for s in NAMES), 0), list[Any]()
    for _ in range(rng.choice([1, 20, 150])):
        now += rng.choice([0, 0, 1, 10**6, 10**9])
        kind = rng.random()
        if kind < 0.25:
            account, symbol = rng.choice(list(versions))
            versions[account, symbol] += 1
            quantity = rng.choice([0, 10, -10, 5, Decimal("-2.5")])
            price = rng.choice([100, 99, "0.5"]) if quantity else None
            inverse = symbol == "BTC-PERP"
            realized = rng.choice([Decimal("1.5"), None])
            more = {"inverse": inverse, "realized": realized, "reason": None if realized else "no rate", "time_ns": now}
            events.append(holding(account, symbol, versions[account, symbol], quantity, price, **more))
        elif kind < 0.32:
            events.append(bar(rng.choice(NAMES), now // 10**9 * 10**9, rng.choice([98.0, 100.0])))
        elif kind < 0.35:
            events.append(Instrument(rng.choice(NAMES), allow_negative=rng.random() < 0.5))
        else:
            events.append(random_tick(rng, now - rng.choice([0, 0, 0, 10**6])))
    return [*events, tick(None, END_OF_TIME_NS)]


def mark_apply(book: MarkBook, events: Sequence[Any]) -> Said:
    """Runs of ticks are frames."""
    said, run = Said(), list[Rows]()
    for event in [*events, None]:
        if isinstance(event, np.ndarray) and event.dtype != BAR:
            run.append(event)
            continue
        if run:
            read_pnl(book.on_frame(TickFrame(np.concatenate(run))), said)
            run = []
        if isinstance(event, Holding):
            read_pnl(book.on_holdings([event]), said)
        elif isinstance(event, Instrument):
            book.on_instrument(event.symbol, event)
        elif event is not None:
            read_pnl(book.on_bars(event), said)
    return said


def read_pnl(rows: Pnl, said: Said) -> None:
    """The last of each key and its id."""
    for row in rows:
        event = pnl_event(row)
        exposure = None if math.isnan(row["exposure"]) else float(row["exposure"])
        said.latest[f"{event.payload.account}|{event.payload.symbol}"] = (
            event.header.event_id,
            (msgspec.json.encode(event).decode(), exposure),
        )


def pair_inputs(seed: int) -> Sequence[Any]:
    """Ticks of two pairs and a share."""
    rng, now, events = random.Random(seed), START, list[Any]()
    for _ in range(rng.choice([1, 30])):
        now += rng.choice([0, 1, 10**9])
        if rng.random() < 0.05:
            base = rng.choice(["BTC", None])
            events.append(Instrument("BTC-PERP", base_currency=base))
        events.append(random_tick(rng, now))
    return [*events, tick(None, END_OF_TIME_NS)]


def pair_apply(pairs: PairMarks, events: Sequence[Any]) -> Said:
    """Runs of ticks are frames; what is said of a pair last is what counts."""
    said, run = Said(), list[Rows]()
    for event in [*events, None]:
        if isinstance(event, np.ndarray):
            run.append(event)
            continue
        for rate in pairs.on_frame(TickFrame(np.concatenate(run))) if run else ():
            said.latest[f"{rate.base}{rate.quote}"] = (f"{rate.mid}", rate.mid)
        run = []
        if event is not None:
            pairs.on_instrument(event.symbol, event)
    return said


def pnl(account: str, symbol: str, version: int, unrealized: float, exposure: float, time_ns: int = START, currency: str = "USD") -> Pnl:
    """One row."""
    row = np.zeros(1, PNL)
    codes = ACCOUNTS.code(account), SYMBOLS.code(symbol), CURRENCIES.code(currency), NO_REASON
    row[0] = (1.0, 1.0, 1.0, unrealized, 0.0, exposure, version, time_ns, time_ns, 7, 0, *codes)
    return row


def frame(*things: Any) -> AccountFrame:
    """Holdings, cash and rows as one input."""
    rows = [thing for thing in things if isinstance(thing, np.ndarray)]
    holdings = [thing for thing in things if isinstance(thing, Holding)]
    cash = [thing for thing in things if isinstance(thing, CashMove)]
    return AccountFrame(holdings, cash, np.concatenate(rows) if rows else np.empty(0, PNL))


def _given(item: AccountFrame) -> Callable[[Accounts], Any]:
    return lambda accounts: accounts.on_frame(item)


def account_inputs(seed: int) -> Sequence[Callable[[Accounts], Any]]:
    """Every kind of input, of few accounts, symbols and currencies."""
    rng = random.Random(seed)
    now, versions, events = START, dict.fromkeys(((a, s) for a in OWNERS for s in NAMES), 0), list[Any]()
    for number in range(rng.choice([1, 20, 100])):
        now += rng.choice([0, 1, 10**9, 10**13])
        account, symbol = rng.choice(OWNERS), rng.choice(NAMES)
        currency = rng.choice(["USD", "EUR", "JPY"])
        kind = rng.random()
        if kind < 0.3:
            versions[account, symbol] += 1
            money = {"cash": Decimal(rng.randrange(-999, 999)) / 7, "realized": rng.choice([None, Decimal(rng.randrange(99))])}
            fees = (("JPY", Decimal(number)),) if rng.random() < 0.2 else ()
            more = {**money, "foreign_fees": fees, "currency": "EUR" if symbol == "EURUSD" else "USD", "time_ns": now}
            said = holding(account, symbol, versions[account, symbol], rng.choice([0, 5]), 100, is_margined=rng.random() < 0.3, **more)
            row = pnl(account, symbol, versions[account, symbol], rng.choice([math.nan, 5.0]), 500.0, now)
            events.append(_given(frame(said, row)))
        elif kind < 0.6:
            row = pnl(account, symbol, versions[account, symbol], rng.randrange(-9, 9), rng.randrange(999), now)
            events.append(_given(frame(row)))
        elif kind < 0.7:
            is_income = rng.random() < 0.5
            move = CashMove(account, f"m{number}", Decimal(rng.randrange(-99, 99)), currency, is_income, "c", now, Place("o", 0, 1))
            events.append(_given(frame(move)))
        elif kind < 0.8:
            opened = Account(account, currency, Decimal(rng.randrange(3)) * 1000)
            events.append(lambda accounts, item=opened, when=now: accounts.on_account(item, when, "e"))
        else:
            pair = rng.choice([("EUR", "USD"), ("USD", "JPY")])
            rate = Rate(*pair, Decimal(rng.choice(["1.1", "1.25", "120.01"])), now, Place("market.ticks", 0, number))
            events.append(lambda accounts, item=rate: accounts.on_rate(item))
    return events


def account_apply(accounts: Accounts, events: Sequence[Callable[[Accounts], Any]]) -> Said:
    """Each input alone: conflation is by input."""
    said = Said()
    for event in events:
        for balance in event(accounts):
            content = msgspec.json.encode(balance.envelope).decode()
            said.latest[f"{balance.payload.account}|{balance.payload.currency}"] = (balance.header.event_id, content)
    return said


MARKING_CASES: dict[type, Case] = {
    MarkBook: Case(make=lambda: MarkBook(3 * 10**9), inputs=mark_inputs, apply=mark_apply),
    PairMarks: Case(make=PairMarks, inputs=pair_inputs, apply=pair_apply),
    Accounts: Case(make=lambda: Accounts(PortfolioSettings()), inputs=account_inputs, apply=account_apply),
}
