"""Said is said: after a crash no alert has two contents, no breach loses its clear, and ticks alone give exactly the uninterrupted run."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from schemas.alerts import Alert
from schemas.control import Limit
from schemas.errors import RecoveryError, RejectedRecord
from schemas.events import Envelope
from schemas.ticks import TickFrame
from tests.operators.cases import CONTROLS
from tests.operators.streams import frame_rows, stream, with_watermarks

SETTINGS = MarketSettings(("1s",), lateness_ns=1_000_000_000)
FIRM = Limit("ten", "price_band", "firm", Decimal("0.10"))
ONE = Limit("one", "price_band", "symbol", Decimal("0.03"), symbol="AMZN")
Alerts = list[Envelope[Alert]]


def fresh() -> MarketShard:
    shard = MarketShard(SETTINGS)
    for limit in (FIRM, ONE):
        shard.on_limit(limit.limit_id, limit)
    return shard


def run(shard: MarketShard, events: Sequence[Any], rng: random.Random) -> list[Alerts]:
    """What is published after each batch: rows alone or a few together, control events by themselves."""
    said: list[Alerts] = []
    at = 0
    while at < len(events):
        if callable(events[at]):
            said.append(events[at](shard) or [])
            at += 1
            continue
        end = at + 1
        while end < len(events) and not callable(events[end]) and rng.random() < 0.7:
            end += 1
        rows = frame_of(events[at:end])
        said.append(shard.on_frame(TickFrame(rows)).alerts)
        at = end
    return said


def frame_of(rows: Sequence[Any]) -> Any:
    import numpy as np

    return with_watermarks(np.concatenate(rows))


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_crash_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)
    rows = frame_rows(stream(rng, 120))
    rows["watermark"] = rows["watermark"]
    events = [rows[at : at + 1] for at in range(len(rows))]
    expected = [alert for said in run(fresh(), events, rng) for alert in said]
    shard, at = fresh(), rng.randrange(len(events))
    published = [alert for said in run(shard, events[:at], rng) for alert in said]
    stored = shard.snapshot()
    after = [alert for said in run(shard, events[at : rng.randrange(at, len(events) + 1)], rng) for alert in said]
    after = after[: rng.randrange(len(after) + 1)]
    again = MarketShard(SETTINGS)
    again.restore(stored)
    again.adopt(after)
    repeated = [alert for said in run(again, events[at:], rng) for alert in said]
    found = published + after + repeated
    assert sorted(map(repr, found)) == sorted(map(repr, expected)), "the same alerts, none twice"


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_limits_that_come_elsewhere_in_the_stream_after_a_crash_keep_one_content_an_id(seed: int) -> None:
    rng = random.Random(seed)
    rows = frame_rows(stream(rng, 120))
    events = [rows[at : at + 1] for at in range(len(rows))]
    controls = rng.choices(CONTROLS[:6], k=rng.randrange(1, 8))
    shard, at = fresh(), rng.randrange(len(events))
    published = [alert for said in run(shard, events[:at], rng) for alert in said]
    stored = shard.snapshot()
    first = run(shard, merged(events[at:], controls, rng), rng)
    after = [alert for said in first[: rng.randrange(len(first) + 1)] for alert in said]
    again = MarketShard(SETTINGS)
    again.restore(stored)
    again.adopt(after)
    last = merged(events[at:], controls, rng)
    repeated = [alert for said in run(again, last, rng) for alert in said]
    repeated += again.on_limit("ten", None) + again.on_limit("one", None)
    hold(published + after + repeated)


def merged(rows: Sequence[Any], controls: Sequence[Any], rng: random.Random) -> list[Any]:
    """Control events among rows, each in its own order, the interleaving by chance."""
    places = sorted(rng.randrange(len(rows) + 1) for _ in controls)
    events = list(rows)
    for place, control in reversed(list(zip(places, controls, strict=True))):
        events.insert(place, control)
    return events


def hold(alerts: Alerts) -> None:
    """Of each limit and symbol: breach and clear by turns, episodes counted, no id twice, every breach cleared in the end."""
    by_band: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for alert in alerts:
        by_band[alert.payload.limit_id, alert.payload.key].append((alert.payload.episode, alert.payload.state))
    for key, said in by_band.items():
        assert sorted(set(said)) == sorted(said), f"{key}: said twice"
        assert sorted(said) == [(episode, state) for episode in range(1, len(said) // 2 + 1) for state in ("breach", "clear")], key


def test_another_setting_of_bars_does_not_take_stored_state() -> None:
    stored = fresh().snapshot()
    with pytest.raises(RecoveryError, match="intervals"):
        MarketShard(MarketSettings(("2s",))).restore(stored)


@pytest.mark.parametrize(
    "limit",
    [
        Limit("ten", "price_band", "account", Decimal("0.1")),
        Limit("ten", "price_band", "symbol", Decimal("0.1")),
        Limit("ten", "price_band", "firm", Decimal("0.1"), clear=Decimal("0.2")),
        Limit("ten", "price_band", "firm", Decimal("-0.1")),
        Limit("ten", "price_band", "firm", Decimal("NaN")),
    ],
)
def test_a_limit_that_cannot_be_put_in_force_leaves_the_one_before(limit: Limit) -> None:
    shard = fresh()
    before = shard.snapshot()
    with pytest.raises(RejectedRecord, match="price_band expects"):
        shard.on_limit("ten", limit)
    assert shard.snapshot() == before
