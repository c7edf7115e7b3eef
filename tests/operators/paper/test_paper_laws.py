"""What holds of all fills on paper, and of a run that crashed and went on from an older snapshot in another order (law 5)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.orders.done_orders import KEPT
from operators.orders.matching import PaperExchange
from operators.orders.paper.reports import read_said
from operators.orders.paper.step import PaperStep
from operators.orders.settings import PaperSettings
from schemas.event_codec import open_envelope
from schemas.events import encode
from schemas.symbols import shard_of
from schemas.ticks import TRADE, Rows, TickFrame
from tests.operators.cases_paper import SETTINGS, apply_batch, inputs_of
from tests.operators.paper.market import frames, place, said, trade

seeds = st.integers(0, 2**32)


def is_row(one: Any) -> bool:
    return isinstance(one, np.ndarray)


def check_quantities(reports: Sequence[Any], inputs: Sequence[Any], participation: Decimal) -> None:
    """No order is overfilled or filled beyond its limit, no tick gives more than our share of it."""
    quantity: dict[str, Decimal] = {}
    price: dict[str, Decimal | None] = {}
    filled: dict[str, Decimal] = defaultdict(Decimal)
    taken: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for report in sorted(reports, key=lambda one: (one.payload.order_id, int(one.header.event_id.split("|")[3]))):
        payload = report.payload
        order = payload.order_id
        if payload.exec_type in ("new", "replaced"):
            quantity[order], price[order] = payload.quantity, payload.price
        elif payload.exec_type == "fill":
            filled[order] += payload.quantity
            assert payload.quantity > 0
            assert filled[order] == payload.cumulative_quantity <= quantity[order]
            sign = 1 if payload.side == "buy" else -1
            limit = price[order]
            assert limit is None or sign * payload.price <= sign * limit, "worse than its limit"
            taken[report.header.event_id.split("|", 4)[4], payload.side] += payload.quantity
    for row in (one[0] for one in inputs if is_row(one)):
        where = f"{row['partition']}-{row['offset']}-{row['index']}"
        buys, sells = taken[where, "buy"], taken[where, "sell"]
        offers = [(buys + sells, row["size"])] if row["kind"] == TRADE else [(buys, row["ask_size"]), (sells, row["bid_size"])]
        assert all(np.isnan(size) or total <= participation * Decimal(repr(float(size))) for total, size in offers)


def tick_of(report: Any) -> tuple[int, ...]:
    partition, offset, index = report.header.event_id.split("|", 4)[4].split("-")
    return int(partition), int(offset), int(index)


def check_story(reports: Sequence[Any]) -> None:
    """Every report once, in the order of its number; an order has one end, a request one answer, and no tick fills an order twice."""
    assert len({report.header.event_id for report in reports}) == len(reports), "an id is said once"
    causes = [(report.payload.order_id, report.header.event_id.split("|", 4)[4], report.payload.exec_type == "fill") for report in reports]
    assert len(set(causes)) == len(causes)
    stories: dict[str, list[Any]] = defaultdict(list)
    for report in reports:
        if "|0|" not in report.header.event_id:  # not of an order that nobody knows
            stories[report.payload.order_id].append(report)
    for story in stories.values():
        assert [int(report.header.event_id.split("|")[3]) for report in story] == list(range(1, len(story) + 1))
        ticks = [tick_of(report) for report in story if report.payload.exec_type == "fill"]
        assert ticks == sorted(ticks), "its fills are in the order of the ticks"
        kinds = [report.payload.exec_type.value for report in story]
        ends = [at for at, kind in enumerate(kinds) if kind in ("canceled", "expired", "rejected")]
        assert kinds[0] in ("new", "rejected")
        assert len(ends) <= 1
        after = kinds[ends[0] + 1 :] if ends else []
        assert all(kind in ("cancel_rejected", "replace_rejected") for kind in after), kinds


@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_quantities_limits_and_shares(seed: int) -> None:
    inputs = inputs_of(seed, has_splits=False)
    reports = apply_batch(PaperExchange(SETTINGS), inputs)
    check_quantities(reports, inputs, SETTINGS.participation)
    check_story(reports)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_the_seed_decides_what_chance_does(seed: int) -> None:
    inputs = inputs_of(seed, count=120)

    def run(chance: int) -> list[bytes]:
        exchange = PaperExchange(_seeded(chance))
        return [encode(report.envelope) for report in apply_batch(exchange, inputs)]

    assert run(seed) == run(seed)


def _seeded(seed: int, **given: Any) -> PaperSettings:
    return replace(SETTINGS, seed=seed, **given)


def test_another_seed_fills_others() -> None:
    inputs = inputs_of(3, count=300)
    assert len({str([said(one) for one in apply_batch(PaperExchange(_seeded(seed)), inputs)]) for seed in range(5)}) > 1


def interleaved(rng: random.Random, updates: Sequence[Any], rows: Sequence[Any]) -> Iterator[Any]:
    """Both in their own order."""
    left, right = list(updates), list(rows)
    while left or right:
        yield (left if rng.random() < len(left) / (len(left) + len(right)) else right).pop(0)


def run_some(exchange: PaperExchange, inputs: Sequence[Any]) -> list[Any]:
    return [report for one in inputs for report in apply_batch(exchange, [one])]


@settings(max_examples=120, deadline=None)
@given(seed=seeds, latency=st.sampled_from([0, 0, 1_500_000_000]))
def test_after_a_crash_nothing_is_said_otherwise(seed: int, latency: int) -> None:
    rng = random.Random(seed)
    chosen = _seeded(7, latency_ns=latency, jitter_ns=latency, participation=rng.choice([Decimal(1), Decimal("0.5")]))
    inputs = inputs_of(seed, has_splits=False)
    updates, rows = [one for one in inputs if not is_row(one)], [one for one in inputs if is_row(one)]
    exchange, history = PaperExchange(chosen), list(interleaved(rng, updates, rows))
    kept = rng.randrange(len(history) + 1)
    reports = run_some(exchange, history[:kept])
    stored, marked = exchange.snapshot(), rng.choice([0, rng.randrange(len(reports) + 1), len(reports)])
    crash = rng.randrange(kept, len(history) + 1)
    reports += (late := run_some(exchange, history[kept:crash]))[: rng.randrange(len(late) + 1)]

    resumed = PaperExchange(chosen)
    resumed.restore(stored)
    published = [open_envelope(encode(report.envelope)) for report in reports[marked:]]
    resumed.adopt([one for event in published if (one := read_said(event, chosen.venue)) is not None])
    again = PaperExchange(chosen)
    again.restore(resumed.snapshot())
    rest = history[kept:]
    order = list(interleaved(rng, [one for one in rest if not is_row(one)], [one for one in rest if is_row(one)]))
    told = run_some(again, order)
    check_story([*reports, *told])
    check_quantities([*reports, *told], inputs, chosen.participation)
    assert run_some(resumed, order) == told, "what was adopted is in the snapshot"


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_starting_afresh_over_what_was_published_says_it_once(seed: int) -> None:
    inputs = inputs_of(seed, has_splits=False)
    reports = run_some(PaperExchange(SETTINGS), inputs)
    cut = random.Random(seed).randrange(len(reports) + 1)
    fresh = PaperExchange(SETTINGS)
    fresh.adopt([one for report in reports[:cut] if (one := read_said(open_envelope(encode(report.envelope)), SETTINGS.venue))])
    told = run_some(fresh, inputs)
    check_story([*reports[:cut], *told])
    check_quantities([*reports[:cut], *told], inputs, SETTINGS.participation)


def test_ticks_up_to_the_last_published_fill_decide_nothing_more() -> None:
    first, second, third = frames([trade(5, 100, 10), trade(6, 100, 10), trade(7, 100, 10)])
    exchange, order = PaperExchange(PaperSettings()), place(1)
    exchange.on_frame(first)
    published = [*exchange.on_update(order), *exchange.on_frame(second)]
    assert [said(report) for report in published] == ["o1 new at 1", "o1 fill 10@100 at 6"]

    resumed = PaperExchange(PaperSettings())
    resumed.adopt([one for report in published if (one := read_said(open_envelope(encode(report.envelope)), "PAPER"))])
    told = [*resumed.on_update(order), *(report for frame in (first, second, third) for report in resumed.on_frame(frame))]
    assert [said(report) for report in told] == ["o1 fill 10@100 at 7"]
    assert told[0].payload.cumulative_quantity == 20


def test_other_venues_are_no_business_of_ours() -> None:
    step = PaperStep(PaperSettings(), shard_of(b"AMZN"), None)
    made = step.process(place(1))
    assert made is not None
    foreign = msgspec.structs.replace(made.reports[0], payload=msgspec.structs.replace(made.reports[0].payload, venue="XNAS"))
    ours, other = (PaperStep(PaperSettings(), shard_of(b"AMZN"), None) for _ in range(2))
    ours.adopt([open_envelope(encode(made.reports[0].envelope))])
    other.adopt([open_envelope(encode(foreign.envelope))])
    assert ours.process(place(1)) is None, "it was accepted"
    assert other.process(place(1)) == made


def test_a_finished_order_begins_never_again() -> None:
    exchange = PaperExchange(PaperSettings())
    orders = [place(1, order=f"o{at}", offset=at) for at in range(KEPT + 10)]
    reports = [report for order in orders for report in exchange.on_update(order)]
    for frame in frames([trade(2, 100)]):
        reports += exchange.on_frame(frame)
    assert len(reports) == 2 * len(orders)
    stored = exchange.snapshot()
    assert len(stored["done"]["kept"]) == KEPT
    resumed = PaperExchange(PaperSettings())
    resumed.restore(stored)
    assert not [report for order in orders for report in resumed.on_update(order)]
    assert resumed.on_update(place(3, order="new", offset=len(orders)))


def test_ticks_without_orders_are_not_looked_at() -> None:
    exchange = PaperExchange(PaperSettings())
    rows: Rows = np.concatenate([frame.rows for frame in frames([trade(at, 100, symbol=f"S{at % 7}") for at in range(1, 500)])])
    exchange.on_update(place(0, symbol="S3", price=50))
    exchange.on_frame(TickFrame(rows[:5]))
    assert not list(exchange._floor.watching.rows(TickFrame(rows[5:])))
