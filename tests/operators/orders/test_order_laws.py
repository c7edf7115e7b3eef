"""What holds of every stream of commands and reports, and after every crash."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.orders.causes import report_cause, update_id
from operators.orders.lifecycle import OrderBook
from operators.orders.settings import OrdersSettings
from schemas.events import Event
from schemas.orders import OrderCommand, OrderUpdate, Status
from schemas.times import END_OF_TIME_NS
from tests.operators.orders.check_streams import checks, feed
from tests.operators.orders.desk import Desk, content
from tests.operators.orders.order_streams import interleaved, streams

NEVER = 2**62
seeds = st.integers(0, 2**32)


def book() -> OrderBook:
    """Nothing times out: that would depend on what else comes."""
    return OrderBook(OrdersSettings(unknown_after_ns=NEVER))


def run(one: OrderBook, events: list[Any]) -> list[Event[OrderUpdate]]:
    return [update for event in events for update in feed(one, event).updates]


def by_order(updates: list[Event[OrderUpdate]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for update in updates:
        found[update.payload.account, update.payload.order_id].append(content(update))
    return dict(found)


def final(updates: list[Event[OrderUpdate]]) -> dict[tuple[str, str], OrderUpdate]:
    """Where each order stands: its highest version."""
    found: dict[tuple[str, str], OrderUpdate] = {}
    for update in (event.payload for event in updates):
        key = update.account, update.order_id
        if update.version and (key not in found or found[key].version < update.version):
            found[key] = update
    return found


def parts_of(seed: int, held: int) -> list[list[Any]]:
    """Orders, and so many inputs of what they are held against."""
    return [*streams(seed), checks(random.Random(seed), held)] if held else streams(seed)


@settings(max_examples=250, deadline=None)
@given(seed=seeds, crashes=st.integers(1, 3), held=st.sampled_from((0, 5, 25)))
def test_said_is_said_whatever_the_interleaving_after_a_crash(seed: int, crashes: int, held: int) -> None:
    rng = random.Random(seed)
    parts, one, published = parts_of(seed, held), book(), []
    for _ in range(crashes):
        until = interleaved(rng, parts)
        saved, crashed = sorted((rng.randrange(len(until) + 1), rng.randrange(len(until) + 1)))
        published += run(one, until[:saved])
        stored, mark = one.snapshot(), len(published)
        published += run(one, until[saved:crashed])
        one = book()
        fresh = rng.random() < 0.2
        if not fresh:
            one.restore(stored)
            parts = [[event for event in part if not any(event is done for done in until[:saved])] for part in parts]
        else:
            parts = parts_of(seed, held)
        start = 0 if fresh else rng.randrange(mark + 1)
        one.adopt((event.header.event_id, event.payload) for event in published[start:])
    published += run(one, interleaved(rng, parts))
    assert all(not account.memory.scripts for account in one._accounts.values()), "what was published is made again"
    published += run(one, [END_OF_TIME_NS])
    contents: dict[str, str] = {}
    versions: dict[tuple[str, str, int], str] = {}
    for update in published:
        event_id, payload = update.header.event_id, update.payload
        assert contents.setdefault(event_id, content(update)) == content(update), "an id has one content"
        if payload.version:
            assert versions.setdefault((payload.account, payload.order_id, payload.version), event_id) == event_id, "one outcome"
    for (account, order_id), last in final(published).items():
        order = one._accounts[account].orders[order_id]
        assert (order.status, order.filled, order.version) == (last.status, last.filled_quantity, last.version)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_a_stream_with_duplicates_equals_the_one_without(seed: int) -> None:
    """Duplicates of what was applied when it came; what waits or was refused may come again, and be legal by then."""
    rng = random.Random(seed)
    events = interleaved(rng, streams(seed))
    one, said, again = book(), list[Event[OrderUpdate]](), []
    for event in events:
        said += run(one, [event])
        if is_applied(event, said):
            again.append(event)
    doubled = list(events)
    for event in rng.sample(again, len(again) // 2):
        at = next(at for at, other in enumerate(doubled) if other is event)
        doubled.insert(rng.randrange(at + 1, len(doubled) + 1), event)
    assert by_order(run(book(), doubled)) == by_order(said)


def is_applied(event: Any, said: list[Event[OrderUpdate]]) -> bool:
    """Commands and splits always are."""
    if not isinstance(event, Event) or isinstance(event.payload, OrderCommand):
        return True
    name = update_id(event.payload.account, event.payload.order_id, report_cause(event).identity)
    return any(update.header.event_id == name for update in said)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_events_of_different_accounts_may_be_permuted(seed: int) -> None:
    events = interleaved(random.Random(seed), streams(seed)[:2])
    apart = sorted(events, key=lambda event: event.payload.account)
    assert by_order(run(book(), apart)) == by_order(run(book(), events))


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_events_of_different_orders_may_be_permuted(seed: int) -> None:
    """Fills are known by account and id, and cancel_all speaks of many orders: those apart."""
    events = [event for event in interleaved(random.Random(seed), streams(seed)[:2]) if event.payload.order_id]
    events = [event for event in events if getattr(event.payload, "exec_type", None) not in ("bust", "correct")]
    apart = sorted(events, key=lambda event: event.payload.order_id)
    keys = [event.payload.idempotency_key for event in events if isinstance(event.payload, OrderCommand)]
    if len(set(keys) - {None}) == len([key for key in keys if key]):
        assert by_order(run(book(), apart)) == by_order(run(book(), events))


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_a_snapshot_holds_what_came_since_the_last_one(seed: int) -> None:
    often, once = book(), book()
    for event in interleaved(random.Random(seed), parts_of(seed, 10)):
        run(often, [event])
        often.snapshot()
        run(once, [event])
    assert often.snapshot() == once.snapshot()


FILLS = [("f1", "10", "49"), ("f2", "20", "50"), ("f3", "30", "53")]


@settings(max_examples=80, deadline=None)
@given(order=st.permutations(["new", "canceled", "f1", "f2", "f3", "bust f2", "correct f3", "f1 again"]), late=st.booleans())
def test_the_end_is_a_function_of_what_came_not_of_its_order(order: list[str], late: bool) -> None:
    """100 ordered, 10@49 and 25@52 remain after a bust and a correction: canceled, whatever comes first."""
    desk = Desk(unknown_after_s=10_000)
    if not late:
        desk.place("100")
    for words in order:
        verb, _, name = words.partition(" ")
        if words in ("new", "canceled"):
            desk.report(words, execution_id=words)
        elif verb in ("bust", "correct"):
            quantity, price = ("25", "52") if verb == "correct" else (None, None)
            desk.report(verb, reference_execution_id=name, execution_id=words, quantity=quantity, price=price)
        else:
            _, quantity, price = next(fill for fill in FILLS if fill[0] == verb)
            desk.fill(quantity, price, execution_id=verb)
    if late:
        desk.place("100")
    average = (Decimal(10) * 49 + Decimal(25) * 52) / 35
    assert desk.last.status is Status.CANCELED
    assert (desk.last.filled_quantity, desk.last.leaves_quantity, desk.last.average_price) == (35, 0, average)
