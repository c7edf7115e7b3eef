"""Said is said: after a crash no stop fires twice for a position, no order is lost or sent otherwise, no breach loses its clear."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.risk.symbols.step import SymbolsStep
from operators.risk.symbols.symbol_risk import Made, SymbolRisk
from schemas.control import Control
from schemas.events import Event, RawEnvelope, encode
from schemas.market_frames import BAR
from schemas.symbols import shard_of
from tests.operators.cases_risk_stops import LIMITS, as_frame, ended, give, limit, position, random_limit, stop_inputs
from tests.operators.risk.stop_desk import Desk

KEY = "account:A/symbol:AMZN"


def test_a_stop_that_was_published_does_not_fire_again_and_its_order_is_the_same() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95", on_trigger="close")
    desk.hold(10, 100)
    stored = desk.risk.snapshot()
    desk.hold(12, 100)
    assert desk.trade(94) == [f"S|{KEY}|1|breach 94", "sell 12 market"]
    again = desk.resume(stored, 1)
    assert again.trade(93) == [], "the order is of version 2, which is not here yet"
    again.give(position("A", "AMZN", 2, 12, 100))
    assert again.orders == desk.orders
    assert again.trade(92) == []
    again.give(position("A", "AMZN", 3, 0))
    again.give(position("A", "AMZN", 4, 5, 100))
    assert [alert.header.event_id for alert in again.published] == [f"S|{KEY}|2|breach"]


def test_a_stop_of_a_later_position_that_was_published_does_not_fire_for_it_after_all() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95", on_trigger="close")
    desk.hold(10, 100)
    stored = desk.risk.snapshot()
    desk.hold(0)
    desk.hold(7, 100)
    desk.trade(94)
    again = desk.resume(stored, 1)
    assert again.trade(94) == [], "the position before: nobody heard that it fired"
    again.give(position("A", "AMZN", 2, 0))
    assert again.give(position("A", "AMZN", 3, 7, 100)) == ["sell 7 market"]
    assert again.orders == desk.orders


def test_an_order_that_nobody_may_have_got_is_not_made_for_another_quantity() -> None:
    desk = Desk()
    desk.limit("S", "stop_loss", "95", on_trigger="close")
    stored = desk.risk.snapshot()
    desk.hold(10, 100)
    desk.trade(94)
    again = desk.resume(stored, 1)
    assert again.give(position("A", "AMZN", 2, 4, 100)) == []
    assert again.trade(90) == []


def test_silence_that_was_published_is_not_said_again() -> None:
    desk = Desk()
    desk.limit("Q", "stale_price", 1, window="10s")
    desk.hold(10, 100)
    desk.trade(100)
    stored = desk.risk.snapshot()
    desk.wait(11)
    desk.trade(100)
    desk.wait(11)
    for adopted in range(4):
        again = desk.resume(stored, adopted)
        again.now = int(1e9)
        again.wait(11)
        again.trade(100)
        again.wait(11)
        again.trade(100)
        ids = [alert.header.event_id for alert in [*desk.published[:adopted], *again.published]]
        assert ids == [f"Q|{KEY}|{episode}|{state}" for episode in (1, 2) for state in ("breach", "clear")]


def run(risk: SymbolRisk, events: Sequence[Any]) -> list[Made]:
    """Each event by itself."""
    return [
        made
        for event in events
        if (made := risk.on_frame(as_frame([event])) if isinstance(event, np.ndarray) and event.dtype != BAR else give(risk, event))
    ]


def alerts(made: Sequence[Made]) -> list[Any]:
    return [alert.envelope for one in made for alert in one.alerts]


def orders(made: Sequence[Made]) -> dict[str, Any]:
    return {order.header.event_id: order.envelope for one in made for order in one.commands}


def crash(events: Sequence[Any], later: Sequence[Any], rng: random.Random) -> tuple[list[Any], dict[str, Any], dict[str, Any], SymbolRisk]:
    """Run, crash, resume with ``later`` in the place of what came since the snapshot: alerts, orders before, orders after, what resumed."""
    at = rng.randrange(len(events) + 1)
    risk = SymbolRisk()
    before = run(risk, events[:at])
    stored = risk.snapshot()
    lost = run(risk, events[at:])
    published = alerts(lost)[: rng.randrange(len(alerts(lost)) + 1)]
    again = SymbolRisk()
    again.restore(stored)
    again.adopt(published)
    merged = list(events[at:])
    for one in later:
        merged.insert(rng.randrange(len(merged) + 1), one)
    after = run(again, merged)
    return [*alerts(before), *published, *alerts(after)], orders([*before, *lost]), orders([*before, *after]), again


def market(seed: int, rng: random.Random) -> tuple[list[Any], list[Any]]:
    """Limits first, then ticks, positions and bars; and limits that come some time."""
    events = stop_inputs(seed)
    rest = [event for event in events if not isinstance(event, Control)]
    first = list({one.id: one for one in [random_limit(rng, 0) for _ in range(6)]}.values())
    return [*first, *rest], [event for event in events if isinstance(event, Control) and event.topic == "control.limits"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_crash_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)
    events, _ = market(seed, rng)
    expected = run(SymbolRisk(), events)
    said, lost, made, _ = crash(events, (), rng)
    assert sorted(map(repr, said)) == sorted(map(repr, alerts(expected))), "the same alerts, none twice"
    assert orders(expected) == lost
    for name, order in made.items():
        assert lost[name] == order, "an order has one content"


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_limits_that_come_elsewhere_after_a_crash_keep_one_content_an_id(seed: int) -> None:
    rng = random.Random(seed)
    events, controls = market(seed, rng)
    said, lost, made, again = crash(events, controls, rng)
    said += alerts([again.on_limit(ended(limit_id)) for limit_id in LIMITS])
    hold(said)
    for name in lost.keys() & made.keys():
        if name in {f"{alert.payload.alert_id}|close" for alert in said}:
            assert lost[name].payload.symbol == made[name].payload.symbol


def hold(said: Sequence[Any]) -> None:
    """Of each limit and key: episodes counted, no id twice, every breach cleared in the end, no stop twice of one version of a position."""
    by_key: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for alert in said:
        by_key[alert.payload.limit_id, alert.payload.key].append(alert.payload)
    for key, payloads in by_key.items():
        found = [(payload.episode, payload.state) for payload in payloads]
        assert len(set(found)) == len(found), f"{key}: said twice"
        assert {episode for episode, _ in found} == set(range(1, max(found)[0] + 1)), key
        versions = [payload.position_version for payload in payloads if payload.position_version is not None]
        assert len(set(versions)) == len(versions), f"{key}: fired twice for a position"
        open_ends = {payload.episode for payload in payloads if payload.position_version is None}
        assert {(episode, "clear") for episode in open_ends} <= set(found), f"{key}: a breach without its clear"


def test_the_step_adopts_what_is_its_own() -> None:
    shard = shard_of(b"AMZN")
    step = SymbolsStep(shard, None)
    step.process(limit("S", "stop_loss", "95", on_trigger="close"))
    step.process(position("A", "AMZN", 1, 10, 100))
    stored = step.snapshot()
    desk = Desk()
    desk.limit("S", "stop_loss", "95", on_trigger="close")
    desk.hold(10, 100)
    desk.trade(94)
    events: list[Event[Any]] = [Event(alert.header, alert.payload, 0, position("A", "AMZN", 1, 1).place) for alert in desk.published]
    again = SymbolsStep(shard, stored)
    again.adopt([msgspec.json.decode(encode(event.envelope), type=RawEnvelope) for event in events])
    made = again.process(position("A", "AMZN", 1, 10, 100))
    assert made is not None
    assert [order.payload for order in made.commands] == desk.orders
    assert not made.alerts
    other = SymbolsStep((shard + 1) % 16, None)
    other.adopt([msgspec.json.decode(encode(event.envelope), type=RawEnvelope) for event in events])
    assert other.snapshot() == SymbolsStep((shard + 1) % 16, None).snapshot(), "it is another shard's"
