"""Laws of the ledger over random sequences of fills, duplicates, busts, corrections, flips, splits and restarts."""

from __future__ import annotations

import pickle
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.holdings import Holding
from tests.operators.portfolio.fraction_fold import Trade, fold
from tests.operators.portfolio.reports import SECOND_NS, bust, correct, fill, give, ledger, report, run, split

COSTINGS = ("average", "fifo", "lifo")
CLOSE = Fraction(1, 10**25)
"""Quotients that do not end are kept to 40 decimals."""

quantities = st.one_of(st.integers(1, 9), st.decimals("0.001", "30", places=3))
prices = st.one_of(st.integers(1, 7), st.decimals("0.01", "500", places=2))
fees = st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("-0.003"), Decimal("1.5")])
sides = st.sampled_from(["buy", "sell"])
fills = st.tuples(st.just("fill"), sides, quantities, prices, fees, st.integers(0, 5))
"""The last: how many seconds ago it was made."""
amendments = st.one_of(
    st.tuples(st.just("bust"), st.integers(0, 30)),
    st.tuples(st.just("correct"), st.integers(0, 30), quantities, prices, fees),
    st.tuples(st.just("again"), st.integers(0, 30)),
)
splits = st.tuples(st.just("split"), st.sampled_from(["2", "0.5", "3", "0.1"]))
stories = st.lists(st.one_of(fills, fills, fills, amendments, splits), min_size=1, max_size=25)
each_costing = pytest.mark.parametrize("costing", COSTINGS)


def reports_of(story: list[Any]) -> tuple[list[Any], list[Trade], tuple[tuple[int, Fraction], ...]]:
    """The inputs of a story, and what it comes to: the trades that stand, and the splits. References run round the fills made so far."""
    items: list[Any] = []
    trades: dict[int, Trade] = {}
    busted: set[int] = set()
    actions = []
    for at, (kind, *rest) in enumerate(story, start=10):
        known = sorted(trades)
        if kind == "fill":
            side, quantity, price, fee, ago = rest
            items.append(fill(at, side, quantity, price, fee=fee, seconds=at - ago))
            signed = Fraction(quantity) * (1 if side == "buy" else -1)
            trades[at] = Trade(signed, Fraction(price), Fraction(fee), at - ago)
        elif kind == "split":
            items.append(split(f"split-{at}", at, rest[0]))
            actions.append((at, Fraction(rest[0])))
        elif known and kind == "again":
            items.append(items[rest[0] % len(items)])
        elif known:
            one = known[rest[0] % len(known)]
            if kind == "bust":
                items.append(bust(at, f"x{one}"))
                busted.add(one)
            elif one not in busted:
                items.append(correct(at, f"x{one}", *rest[1:3], fee=rest[3]))
                sign = 1 if trades[one].quantity > 0 else -1
                trades[one] = Trade(sign * Fraction(rest[1]), Fraction(rest[2]), Fraction(rest[3]), trades[one].time)
    stand = [trade for at, trade in trades.items() if at not in busted]
    return [*items, 1000], stand, tuple(actions)


def last(items: list[Any], **options: Any) -> Holding | None:
    return run(ledger(**options), *items).get(("A", "S"))


def numbers(holding: Holding | None) -> tuple[Any, ...]:
    return () if holding is None else (holding.quantity, holding.cost_basis, holding.realized, holding.fees, holding.cash, holding.moved)


def corrections_once(story: list[Any]) -> list[Any]:
    """Without repeats: a repeated correction after another one is an old word, which only its own id would tell."""
    return [step for step in story if step[0] != "again"]


@each_costing
@settings(max_examples=150, deadline=None)
@given(story=stories)
def test_it_equals_a_fold_in_fractions(costing: str, story: list[Any]) -> None:
    items, trades, actions = reports_of(corrections_once(story))
    holding = last(items, costing=costing)
    answer = fold(trades, costing, splits=actions)
    if holding is None:
        assert not trades
        return
    assert holding.realized is not None
    assert Fraction(holding.quantity) == answer.quantity
    assert Fraction(holding.cash) == answer.cash, "cash is never a quotient"
    assert abs(Fraction(holding.realized) - answer.realized) < CLOSE
    if answer.quantity:
        assert holding.average_price is not None
        assert abs(Fraction(holding.average_price) - answer.average) < Fraction(1, 10**20)
    else:
        assert Fraction(holding.realized) == answer.cash, "to the last digit"
        assert holding.average_price is None


@settings(max_examples=150, deadline=None)
@given(story=stories)
def test_at_flat_every_costing_realized_the_sum_of_the_cash_flows(story: list[Any]) -> None:
    items, trades, actions = reports_of(corrections_once(story))
    rest = fold(trades, "average", splits=actions).quantity
    if rest:
        open_quantity = last(items)
        assert open_quantity is not None
        side = "sell" if rest > 0 else "buy"
        items.append(fill(2000, side, open_quantity.quantity.copy_abs(), "3.7", fee="0.3"))
    ends = [holding for costing in COSTINGS if (holding := last(items, costing=costing)) is not None]
    assert all(holding.quantity == 0 and holding.cost_basis == 0 for holding in ends)
    assert all(holding.realized == holding.cash == ends[0].cash for holding in ends)


@each_costing
@settings(max_examples=60, deadline=None)
@given(story=stories)
def test_busting_everything_leaves_nothing(costing: str, story: list[Any]) -> None:
    items, _, _ = reports_of(story)
    busts = [bust(3000 + at, item.payload.execution_id) for at, item in enumerate(items) if hasattr(item, "payload") and item_is_fill(item)]
    holding = last([*items, *busts], costing=costing)
    assert all(number == 0 for number in numbers(holding))


def item_is_fill(item: Any) -> bool:
    return getattr(getattr(item, "payload", None), "execution_id", None) is not None


@settings(max_examples=80, deadline=None)
@given(story=stories, seed=st.integers(0, 2**32))
def test_duplicates_change_nothing(story: list[Any], seed: int) -> None:
    rng = random.Random(seed)
    items, _, _ = reports_of(corrections_once(story))
    named = [report_again(item, at) for at, item in enumerate(items)]
    repeated = list(named)
    for _ in range(len(named)):
        item = rng.choice(named)
        repeated.insert(rng.randint(repeated.index(item) + 1, len(repeated)), item)
    plain, double = ledger(), ledger()
    said = [said_of(plain, item) for item in named]
    said_twice = [said_of(double, item) for item in repeated]
    assert [one for one in said if one] == [one for one in said_twice if one], "and a duplicate says nothing"
    assert plain.snapshot() == double.snapshot()


def report_again(item: Any, at: int) -> Any:
    """Give a correction an id, as venues do: without one a repeat cannot be told from a word that is said anew."""
    if getattr(getattr(item, "payload", None), "reference_execution_id", None) is None or item.payload.quantity is None:
        return item
    return correct(
        at + 10, item.payload.reference_execution_id, item.payload.quantity, item.payload.price, fee=item.payload.fee, execution_id=f"c{at}"
    )


def said_of(to: Any, item: Any) -> list[Any]:
    """Less the dead letters: those of a correction after its bust are said again of its repeat."""
    return give(to, item).positions


@each_costing
@settings(max_examples=60, deadline=None)
@given(story=stories, seed=st.integers(0, 2**32))
def test_busts_and_corrections_may_come_before_their_fill(costing: str, story: list[Any], seed: int) -> None:
    items, _, _ = reports_of(only_one_amendment_a_fill(story))
    rng = random.Random(seed)
    moved = list(items)
    for item in items:
        if getattr(getattr(item, "payload", None), "reference_execution_id", None) is not None:
            moved.remove(item)
            moved.insert(rng.randrange(len(moved)), item)
    assert numbers(last(moved, costing=costing)) == numbers(last(items, costing=costing))


def only_one_amendment_a_fill(story: list[Any]) -> list[Any]:
    """Of two the order would count."""
    kept, made, amended = [], 0, set()
    for step in story:
        if step[0] == "fill":
            made += 1
        elif step[0] in ("bust", "correct"):
            if not made or step[1] % made in amended:
                continue
            amended.add(step[1] % made)
            kept.append((step[0], step[1] % made, *step[2:]))
            continue
        if step[0] != "again":
            kept.append(step)
    return kept


@settings(max_examples=60, deadline=None)
@given(story=stories, seed=st.integers(0, 2**32))
def test_positions_do_not_know_of_one_another(story: list[Any], seed: int) -> None:
    items, _, _ = reports_of(only_one_amendment_a_fill(story))
    rng = random.Random(seed)
    streams = [[elsewhere(item, f"A{n}") for item in items if item_is_report(item)] for n in range(3)]
    shuffled, left = [], [list(stream) for stream in streams]
    while any(left):
        shuffled.append(rng.choice([stream for stream in left if stream]).pop(0))
    one_by_one = run(ledger(), *[item for stream in streams for item in stream])
    assert run(ledger(), *shuffled) == one_by_one


def item_is_report(item: Any) -> bool:
    return hasattr(item, "header")


def elsewhere(item: Any, account: str) -> Any:
    return msgspec.structs.replace(item, payload=msgspec.structs.replace(item.payload, account=account))


@each_costing
@settings(max_examples=60, deadline=None)
@given(story=stories, cut=st.integers(0, 30), kept=st.sampled_from([2, 5, 10_000]))
def test_a_restart_changes_nothing(costing: str, story: list[Any], cut: int, kept: int) -> None:
    items, _, _ = reports_of(story)
    whole, first = ledger(costing=costing, fills_kept=kept), ledger(costing=costing, fills_kept=kept)
    for item in items[:cut]:
        give(whole, item)
        give(first, item)
    stored = pickle.dumps(first.snapshot())
    again = ledger(costing=costing, fills_kept=kept)
    again.restore(pickle.loads(stored))
    for item in items[cut:]:
        left, right = give(whole, item), give(again, item)
        assert (left.positions, left.holdings, left.rejects) == (right.positions, right.holdings, right.rejects)
    assert whole.snapshot() == again.snapshot()


@each_costing
@settings(max_examples=60, deadline=None)
@given(story=stories, seed=st.integers(0, 2**32))
def test_a_split_may_become_known_at_any_time(costing: str, story: list[Any], seed: int) -> None:
    items, _, _ = reports_of(corrections_once(story))
    rng = random.Random(seed)
    moved = [item for item in items if getattr(item, "topic", "") != "control.actions"]
    for item in items:
        if getattr(item, "topic", "") == "control.actions":
            for _ in range(rng.choice([1, 2])):
                moved.insert(rng.randrange(len(moved)), item)
    assert numbers(last(moved, costing=costing)) == numbers(last(items, costing=costing))


@each_costing
@settings(max_examples=60, deadline=None)
@given(story=st.lists(st.one_of(fills, fills, splits), min_size=1, max_size=25), kept=st.integers(1, 10))
def test_what_is_final_still_counts(costing: str, story: list[Any], kept: int) -> None:
    in_time = [(*step[:5], 0) if step[0] == "fill" else step for step in story]
    items, _, _ = reports_of(in_time)
    assert numbers(last(items, costing=costing, fills_kept=kept)) == numbers(last(items, costing=costing))


def test_time_is_in_nanoseconds() -> None:
    assert report(3, "new").time_ns == 3 * SECOND_NS
