"""Marks of positions: equal to a plain recomputation in fractions, whatever the frames, and never said of what is unknown."""

from __future__ import annotations

import math
import pickle
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.portfolio.mark_kernel import SMALL
from operators.portfolio.marks import MarkBook
from operators.portfolio.pairs import PairMarks
from schemas.control import Instrument
from schemas.holdings import Holding
from schemas.market_frames import BAR
from schemas.pnl_codec import pnl_event
from schemas.pnl_frames import AccountFrame, Pnl, joined_frames, split_by_account
from schemas.symbols import SHARDS, SYMBOLS, shard_of
from schemas.ticks import TRADE, WATERMARK, TickFrame
from schemas.times import END_OF_TIME_NS
from tests.operators.cases_marking import NAMES, START, bar, frame, holding, mark_apply, mark_inputs, random_tick, tick

Key = tuple[str, str]


class Reference:
    """The same in plain words: the last bid, ask, trade and bar of each symbol; the last version of each position."""

    def __init__(self) -> None:
        self.prices: dict[str, dict[str, tuple[int, Fraction]]] = {name: {} for name in NAMES}
        self.positions: dict[Key, Holding] = {}
        self.negative: set[str] = set()

    def apply(self, event: Any) -> None:
        if isinstance(event, Holding):
            self.positions[event.account, event.symbol] = event
        elif isinstance(event, Instrument):
            (self.negative.add if event.allow_negative else self.negative.discard)(event.symbol)
        elif event.dtype == BAR:
            self.take(SYMBOLS.names[event["symbol"][0]], "close", int(event["end"][0]) - 1, float(event["close"][0]), strictly=True)
        elif event["kind"][0] != WATERMARK:
            self.tick(event[0])

    def tick(self, row: np.void) -> None:
        symbol = SYMBOLS.names[row["symbol"]]
        fields = ("price",) if row["kind"] == TRADE else ("bid", "ask")
        if any(row[field] < 0 for field in fields) and symbol not in self.negative:
            return
        for field in fields:
            self.take(symbol, field, int(row["time"]), float(row[field]))

    def take(self, symbol: str, field: str, time_ns: int, value: float, *, strictly: bool = False) -> None:
        known = self.prices[symbol]
        side = "price" if field == "price" else "close" if field == "close" else "quote"
        newest = known.get(side, (-1, Fraction(0)))[0]
        if field == "ask":
            newest = known.get("asked", (-1, Fraction(0)))[0]
        if time_ns < newest or (strictly and time_ns == newest):
            return
        known["asked" if field == "ask" else side] = time_ns, Fraction(0)
        if not math.isnan(value):
            known[f"={field}"] = time_ns, Fraction(value)

    def mark(self, held: Holding) -> Fraction | None:
        order = ("bid" if held.quantity > 0 else "ask", "price", "close")
        return next((self.prices[held.symbol][f"={field}"][1] for field in order if f"={field}" in self.prices[held.symbol]), None)

    def numbers(self, held: Holding) -> tuple[float | None, float | None, float | None]:
        """Mark, unrealised P&L, exposure."""
        mark, quantity = self.mark(held), Fraction(held.quantity) * Fraction(held.multiplier)
        if not quantity:
            return None, 0.0, 0.0
        if mark is None or held.average_price is None:
            return None, None, None
        average = Fraction(held.average_price)
        if not held.inverse:
            return float(mark), float((mark - average) * quantity), float(mark * quantity)
        return (float(mark), float((1 / average - 1 / mark) * quantity), float(quantity / mark)) if mark > 0 else (float(mark), None, None)


def found_numbers(row: np.void) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(row[name]) else float(row[name]) for name in ("mark", "unrealized", "exposure"))


def key_of(row: np.void) -> Key:
    payload = pnl_event(row).payload
    return payload.account, payload.symbol


def approximately(numbers: tuple[float | None, ...]) -> list[Any]:
    return [None if number is None else pytest.approx(number, rel=1e-12, abs=1e-9) for number in numbers]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_the_last_of_each_position_is_that_of_a_plain_recomputation(seed: int) -> None:
    book, reference, last = MarkBook(), Reference(), dict[Key, np.void]()
    for event in mark_inputs(seed):
        reference.apply(event)
        if isinstance(event, Instrument):
            book.on_instrument(event.symbol, event)
            continue
        if isinstance(event, Holding):
            rows = book.on_holdings([event])
        else:
            rows = book.on_bars(event) if event.dtype == BAR else book.on_frame(TickFrame(event))
        last.update({key_of(row): row for row in rows})
        for key, held in reference.positions.items():
            assert list(found_numbers(last[key])) == approximately(reference.numbers(held)), held
            assert last[key]["version"] == held.version


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_conflated_frames_say_the_same_last_and_less(seed: int) -> None:
    rng = random.Random(seed)
    rows = np.concatenate([random_tick(rng, START + at * 10**6) for at in range(6 * SMALL)])
    rows["watermark"] = rows["time"]
    holdings = [holding(f"A{at}", rng.choice(NAMES), 1, rng.choice([5, -5]), 100) for at in range(20)]
    said: list[dict[Key, bytes]] = []
    counts = []
    for conflate_ns, size in ((0, 1), (0, 2 * SMALL), (10**18, 2 * SMALL), (2 * 10**8, 2 * SMALL)):
        book = MarkBook(conflate_ns)
        for held in holdings:
            book.on_holdings([held])
        parts = [book.on_frame(TickFrame(rows[at : at + size])) for at in range(0, len(rows), size)]
        parts.append(book.on_frame(TickFrame(tick(None, END_OF_TIME_NS))))
        said.append({key_of(row): msgspec.json.encode(pnl_event(row)) for part in parts for row in part})
        counts.append(sum(map(len, parts)))
    assert said[0] == said[1] == said[2] == said[3]
    assert counts[0] >= counts[1] >= counts[3] >= counts[2]


def test_a_mark_that_did_not_change_makes_no_row() -> None:
    book = MarkBook()
    book.on_holdings([holding("A", "AMZN", 1, 10, 100)])
    assert len(book.on_frame(TickFrame(tick("AMZN", START, bid=101.0, ask=102.0)))) == 1
    assert len(book.on_frame(TickFrame(tick("AMZN", START + 1, bid=101.0, ask=103.0)))) == 0, "a long is not marked at the ask"
    assert len(book.on_frame(TickFrame(tick("AMZN", START + 2, price=90.0)))) == 0, "nor at a trade where there is a bid"
    assert len(book.on_frame(TickFrame(tick("MSFT", START + 3, price=90.0)))) == 0


def test_what_is_unknown_is_null_and_says_why() -> None:
    book = MarkBook()
    event = pnl_event(book.on_holdings([holding("A", "AMZN", 1, 10, 100, realized=None, reason="no rate of BNB in USD")])[0])
    assert (event.payload.mark, event.payload.unrealized_pnl, event.payload.realized_pnl, event.payload.total_pnl) == (None,) * 4
    assert event.payload.reason == "AMZN has had no quote, trade or bar; no rate of BNB in USD"
    marked = pnl_event(book.on_frame(TickFrame(tick("AMZN", START, price=101.0)))[0])
    assert (marked.payload.unrealized_pnl, marked.payload.total_pnl, marked.payload.reason) == (10.0, None, "no rate of BNB in USD")


def test_an_inverse_position_at_a_mark_of_zero_has_no_worth() -> None:
    book = MarkBook()
    book.on_holdings([holding("A", "BTC-PERP", 1, 10, 100, inverse=True)])
    event = pnl_event(book.on_frame(TickFrame(tick("BTC-PERP", START, price=0.0)))[0])
    assert (event.payload.mark, event.payload.unrealized_pnl, event.payload.reason) == (0.0, None, "BTC-PERP has no P&L at this mark")


def test_a_fill_is_marked_at_once_and_a_closed_position_is_said_flat() -> None:
    book = MarkBook(10**18)
    book.on_frame(TickFrame(tick("AMZN", START, price=101.0)))
    opened = pnl_event(book.on_holdings([holding("A", "AMZN", 1, 10, 100)])[0]).payload
    assert (opened.mark, opened.unrealized_pnl) == (101.0, 10.0)
    closed = pnl_event(book.on_holdings([holding("A", "AMZN", 2, 0, realized=10)])[0]).payload
    assert (closed.quantity, closed.mark, closed.unrealized_pnl, closed.total_pnl, closed.reason) == (0.0, None, 0.0, 10.0, None)
    assert len(book) == 0
    assert len(book.on_frame(TickFrame(tick("AMZN", START + 1, price=102.0)))) == 0


def test_an_older_or_equal_version_changes_nothing() -> None:
    book = MarkBook()
    book.on_holdings([holding("A", "AMZN", 2, 10, 100)])
    before = book.snapshot()
    assert len(book.on_holdings([holding("A", "AMZN", 2, 11, 100)])) == len(book.on_holdings([holding("A", "AMZN", 1, 12, 100)])) == 0
    assert book.snapshot() == before


def test_a_bar_marks_only_where_there_is_neither_quote_nor_trade() -> None:
    book = MarkBook()
    book.on_holdings([holding("A", "AMZN", 1, 10, 100)])
    book.on_holdings([holding("A", "MSFT", 1, 10, 100)])
    book.on_frame(TickFrame(tick("MSFT", START, price=99.0)))
    rows = book.on_bars(np.concatenate([bar("AMZN", START, 98.0), bar("MSFT", START, 98.0), bar("AMZN", START - 1, 97.0)]))
    assert [(key_of(row)[1], row["mark"]) for row in rows] == [("AMZN", 98.0)]


def test_positions_of_many_accounts_open_close_and_move_in_the_pool() -> None:
    book, held, rng = MarkBook(), dict[str, int](), random.Random(3)
    for version in range(1, 2000):
        account, quantity = f"N{rng.randrange(150)}", rng.choice([0, 1, -1])
        book.on_holdings([holding(account, rng.choice(["AMZN"]), version, quantity, 100)])
        held[account] = quantity
    rows = book.on_frame(TickFrame(tick("AMZN", START, price=101.0)))
    assert {key_of(row)[0]: row["quantity"] for row in rows} == {account: quantity for account, quantity in held.items() if quantity}


def test_what_crosses_to_accounts_is_split_by_account_and_pickles_by_name() -> None:
    said: list[Pnl] = []
    book = MarkBook()
    holdings = [holding(f"P{at}", "AMZN", 1, 10, 100) for at in range(50)]
    said += [book.on_holdings([held]) for held in holdings]
    parts = split_by_account(joined_frames([AccountFrame([held], [], row) for held, row in zip(holdings, said, strict=True)]))
    assert [shard for shard, _ in parts] == sorted({shard_of(held.account.encode()) for held in holdings})
    assert all(shard < SHARDS for shard, _ in parts)
    for shard, part in parts:
        again = pickle.loads(pickle.dumps(part))
        assert isinstance(again, AccountFrame)
        assert again.holdings == part.holdings
        assert again.pnl.tobytes() == part.pnl.tobytes()
        assert {shard_of(key_of(row)[0].encode()) for row in part.pnl} == {shard}
    assert sum(len(part) for _, part in parts) == 100
    assert split_by_account(frame()) == []


def test_the_cases_have_what_they_are_for() -> None:
    said = [mark_apply(MarkBook(), mark_inputs(seed)) for seed in range(20)]
    assert any(content[1] is not None for one in said for _, content in one.latest.values())


def test_a_tick_that_makes_no_rate_does_not_hide_the_one_before_it_in_a_batch() -> None:
    rows = [tick("EURUSD", START + at, price=price) for at, price in enumerate([1.25, -1.0])]
    said = [[rate.mid for rate in PairMarks().on_frame(TickFrame(part))] for part in (rows[0], np.concatenate(rows))]
    assert said == [[Decimal("1.25")]] * 2
