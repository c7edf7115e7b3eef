"""Episodes: strict, edge-triggered, with hysteresis; counted for ever; nothing is said twice."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.risk.edges import Cause
from operators.risk.episodes import Edge, Episodes
from operators.risk.keys import FIRM, Key
from schemas.alerts import Alert
from schemas.control import Limit
from schemas.events import Event, Place

A = Key("A")
GROSS = Limit("L", "gross_exposure", "account", Decimal(100), account="A")


def cause(time_ns: int = 0) -> Cause:
    return Cause(time_ns, f"c{time_ns}", Place("market.ticks", 0, time_ns))


def made(*limits: Limit) -> Episodes:
    episodes = Episodes(lambda _: True)
    for limit in limits:
        episodes.put(limit.limit_id, limit, cause())
    return episodes


def walk(episodes: Episodes, values: Sequence[Any], key: Key = A, limit_id: str = "L", scale: float = 0.0, start: int = 1) -> list[Edge]:
    found = [episodes.judge(limit_id, key, value, cause(at), scale) for at, value in enumerate(values, start)]
    return [edge for edge in found if edge]


def ids(edges: Sequence[Edge]) -> list[str]:
    return [edge.alert.header.event_id for edge in edges]


@pytest.mark.parametrize("kind", [float, Decimal])
def test_strict_and_with_hysteresis(kind: type) -> None:
    edges = walk(made(GROSS), [kind(value) for value in (100, 101, 95, 102, 90, 89, 100, 101)])
    assert ids(edges) == ["L|account:A|1|breach", "L|account:A|1|clear", "L|account:A|2|breach"]
    assert [edge.alert.payload.value for edge in edges] == [101, 89, 101]
    assert [edge.alert.header.event_type for edge in edges] == ["RISK_LIMIT_BREACH", "RISK_LIMIT_CLEARED", "RISK_LIMIT_BREACH"]


def test_a_fall_of_ten_thousand_of_a_hundred_thousand_is_no_event() -> None:
    limit = Limit("L", "drawdown", "account", Decimal("0.10"), account="A")
    falls = [1 - equity / 100_000 for equity in (90_000.0, 89_999.0)]
    edges = walk(made(limit), falls, scale=1.0)
    assert [(edge.alert.payload.value, edge.breach) for edge in edges] == [(0.10001, True)]
    assert walk(made(Limit("L", "drawdown", "account", Decimal("0.05"), account="A")), [1 - 95 / 100], scale=1.0) == []


def test_a_cushion_is_breached_below_and_clear_above_threshold_over_nine_tenths() -> None:
    edges = walk(made(Limit("L", "margin_cushion", "account", Decimal("0.18"), account="A")), [0.18, 0.17, 0.2, 0.201])
    assert [(edge.breach, edge.alert.payload.value) for edge in edges] == [(True, 0.17), (False, 0.201)]
    assert edges[0].alert.header.event_type == "MARGIN_CALL"


def test_what_is_not_known_changes_nothing() -> None:
    assert ids(walk(made(GROSS), [101.0, None, float("nan"), float("inf"), 50.0])) == ["L|account:A|1|breach", "L|account:A|1|clear"]


def test_a_limit_that_is_lowered_fires_at_once_and_one_that_is_raised_clears() -> None:
    episodes = made(GROSS)
    assert not walk(episodes, [90.0])
    episodes.put("L", Limit("L", "gross_exposure", "account", Decimal(80), account="A"), cause(2))
    assert ids(walk(episodes, [90.0])) == ["L|account:A|1|breach"]
    assert not episodes.put("L", Limit("L", "gross_exposure", "account", Decimal(1000), account="A"), cause(3))
    assert ids(walk(episodes, [90.0])) == ["L|account:A|1|clear"]


@pytest.mark.parametrize(
    "after",
    [
        None,
        Limit("L", "gross_exposure", "account", Decimal(100), account="A", enabled=False),
        Limit("L", "gross_exposure", "account", Decimal(100), account="B"),
        Limit("L", "net_exposure", "account", Decimal(100), account="A"),
    ],
)
def test_what_a_limit_holds_no_more_is_cleared_and_goes_on_counting(after: Limit | None) -> None:
    episodes = made(GROSS)
    walk(episodes, [101.0])
    cleared = episodes.put("L", after, cause(9))
    assert [(event.header.event_id, event.payload.value) for event in cleared] == [("L|account:A|1|clear", 101.0)]
    assert not episodes.put("L", after, cause(9))
    episodes.put("L", GROSS, cause(10))
    assert ids(walk(episodes, [101.0])) == ["L|account:A|2|breach"]


def test_a_stop_fires_once_and_has_no_clear() -> None:
    stop = Limit("L", "stop_loss", "account+symbol", Decimal(95), account="A", symbol="X")
    episodes, key = made(stop), Key("A", "X")
    first, second = episodes.fire("L", key, 94.0, cause(1)), episodes.fire("L", key, 93.0, cause(2))
    assert first is not None
    assert second is None
    assert first.alert.header.event_id == "L|account:A/symbol:X|1|breach"
    episodes.rearm("L", key, 3)
    again = episodes.fire("L", key, 94.0, cause(4))
    assert again is not None
    assert again.episode == 2
    assert not episodes.put("L", None, cause(5))


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.integers(0, 200), max_size=40), threshold=st.integers(1, 150))
def test_a_random_walk_gives_alternating_breach_and_clear_with_episodes_in_order(values: list[int], threshold: int) -> None:
    edges = walk(made(Limit("L", "gross_exposure", "account", Decimal(threshold), account="A")), [float(value) for value in values])
    assert [edge.breach for edge in edges] == [at % 2 == 0 for at in range(len(edges))]
    assert [edge.episode for edge in edges] == [at // 2 + 1 for at in range(len(edges))]
    for edge in edges:
        assert edge.alert.payload.value > threshold if edge.breach else edge.alert.payload.value < 0.9 * threshold


def published(edges: Sequence[Edge]) -> list[tuple[Alert, int]]:
    return [(edge.alert.payload, edge.alert.time_ns) for edge in edges]


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.integers(0, 200), min_size=1, max_size=30), data=st.data())
def test_after_a_crash_the_same_inputs_say_nothing_twice_and_lose_nothing(values: list[int], data: st.DataObject) -> None:
    """A snapshot, some of what followed was published, a crash, the inputs since the snapshot again."""
    numbers = [float(value) for value in values]
    at = data.draw(st.integers(0, len(values)))
    crash = data.draw(st.integers(at, len(values)))
    whole = walk(made(GROSS), numbers)
    first = made(GROSS)
    before = walk(first, numbers[:at])
    stored = pickle.loads(pickle.dumps(first.snapshot()))
    after = walk(first, numbers[at:crash], start=at + 1)
    kept = data.draw(st.integers(0, len(after)))
    second = Episodes(lambda _: True)
    second.restore(stored)
    second.adopt(published([*before, *after[:kept]]))
    again = walk(second, numbers[at:], start=at + 1)
    assert ids([*before, *after[:kept], *(edge for edge in again if edge.is_news)]) == ids(whole)


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(st.integers(0, 200), max_size=15),
    others=st.lists(st.integers(0, 200), max_size=15),
    later=st.lists(st.integers(0, 200), max_size=15),
)
def test_told_otherwise_after_a_crash_breach_and_clear_still_alternate(values: list[int], others: list[int], later: list[int]) -> None:
    """What comes again comes in another order: still no id twice, and episodes go on where they were said to be."""
    said = walk(made(GROSS), [float(value) for value in values])
    second = made(GROSS)
    second.adopt(published(said))
    now = said[-1].alert.time_ns if said else 0
    again = [edge for at, value in enumerate(others) if (edge := second.judge("L", A, float(value), cause(min(at, now))))]
    again += walk(second, [float(value) for value in later], start=now + 1)
    found = [*said, *(edge for edge in again if edge.is_news)]
    assert [(edge.episode, edge.breach) for edge in found] == [(at // 2 + 1, at % 2 == 0) for at in range(len(found))]


def test_a_breach_that_was_said_is_cleared_when_its_limit_is_found_deleted() -> None:
    first = made(GROSS)
    said = walk(first, [101.0])
    second = made(GROSS)
    second.adopt(published(said))
    assert [event.header.event_id for event in second.put("L", None, cause(5))] == ["L|account:A|1|clear"]


def test_a_breach_that_was_said_of_a_limit_that_is_nowhere_is_cleared_when_time_has_passed_it() -> None:
    said = walk(made(GROSS), [101.0], start=7)
    second = made()
    second.adopt(published(said))
    assert not second.end_orphans(cause(7))
    third = Episodes(lambda _: True)
    third.restore(second.snapshot())
    assert [event.header.event_id for event in third.end_orphans(cause(8))] == ["L|account:A|1|clear"]
    assert not third.end_orphans(cause(9))


def test_it_is_bounded() -> None:
    class Few(Episodes):
        MAX_PAIRS = 3

    episodes = Few(lambda _: True)
    episodes.put("L", Limit("L", "gross_exposure", "firm", Decimal(1)), cause())
    keys = [Key(None, name) for name in "abcd"]
    assert all(episodes.judge("L", key, 2.0, cause(1)) for key in keys[:3])
    assert episodes.judge("L", keys[3], 2.0, cause(1)) is None
    assert episodes.judge("L", keys[0], 0.1, cause(2)) is not None
    assert episodes.judge("L", keys[3], 2.0, cause(3)) is not None
    assert len(episodes.snapshot()["pairs"]) == 3


def test_keys_are_named_as_on_the_wire() -> None:
    assert [key.text for key in (FIRM, A, Key(None, "X"), Key("A", "X"))] == ["firm", "account:A", "symbol:X", "account:A/symbol:X"]
    event: Event[Alert] = walk(made(GROSS), [101.0])[0].alert
    assert (event.payload.account, event.payload.symbol, event.header.source) == ("A", None, "risk")
