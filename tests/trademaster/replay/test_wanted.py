"""What a replay takes of a bus: by time, by key, of arrays their part; nothing that is wanted is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bus import Bus, Records, TopicSettings
from schemas.errors import UsageError
from schemas.times import SECOND_NS
from trademaster.bus import open_bus
from trademaster.replay.from_bus import BusHistory
from trademaster.replay.merge import merged
from trademaster.replay.moments import parse_moment
from trademaster.replay.timed import Wanted

START = 1_767_364_200 * SECOND_NS

moments = st.integers(0, 20).map(lambda second: START + second * SECOND_NS)
symbols = st.sampled_from(["A", "B"])
ticks = st.builds(lambda symbol, time: {"type": "trade", "symbol": symbol, "timestamp": time, "price": 1, "size": 1}, symbols, moments)
tick_records = st.one_of(
    ticks, st.lists(ticks, min_size=1, max_size=4), st.builds(lambda time: {"type": "heartbeat", "timestamp": time}, moments)
)
ranges = st.tuples(moments, moments).map(sorted)


def replayed(bus: Bus, topic: str, wanted: Wanted) -> list[Any]:
    history = BusHistory(bus, wanted)
    lanes = [history.records(topic, part) for part in range(history.partitions(topic))]
    found: list[Any] = []
    for slice_ in merged(lanes):
        values = [value for part in slice_.parts for value in part.batch.values()]
        found += [json.loads(values[at]) for at in slice_.order.tolist()]
    return found


def written(folder: Path, topic: str, values: list[bytes | None], keys: list[bytes] | None = None) -> Bus:
    bus = open_bus(f"embedded:{folder}")
    bus.create([TopicSettings(topic, 1, compacted=False)])
    writer = bus.writer()
    writer.write(Records(topic, [0] * len(values), keys or [b"k"] * len(values), values))
    writer.close()
    return bus


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(tick_records, min_size=1, max_size=12), ranges, st.sampled_from([frozenset(), frozenset({"A"})]))
def test_ticks_of_a_range_and_of_keys(
    tmp_path_factory: pytest.TempPathFactory, given_records: list[Any], bounds: list[int], keys: frozenset[str]
) -> None:
    bus = written(tmp_path_factory.mktemp("bus"), "market.ticks", [json.dumps(record).encode() for record in given_records])
    try:
        found = replayed(bus, "market.ticks", Wanted(bounds[0], bounds[1], keys))
    finally:
        bus.close()

    def is_wanted(tick: dict[str, Any]) -> bool:
        return bounds[0] <= tick["timestamp"] < bounds[1] and (not keys or tick.get("symbol", "A") in keys)

    expected: list[Any] = []
    for record in given_records:
        if isinstance(record, dict):
            expected += [record] if is_wanted(record) else []
        elif some := [tick for tick in record if is_wanted(tick)]:
            expected.append(some)
    assert found == expected


def test_what_is_no_tick_goes_with_what_stands_before_it(tmp_path: Path) -> None:
    ticks = [json.dumps({"type": "trade", "symbol": "A", "timestamp": START + at * SECOND_NS, "price": 1}).encode() for at in range(3)]
    bus = written(tmp_path, "market.ticks", [ticks[0], b"{", ticks[1], ticks[2]])
    history = BusHistory(bus, Wanted(START, START + SECOND_NS))
    values = [value for slice_ in merged([history.records("market.ticks", 0)]) for part in slice_.parts for value in part.batch.values()]
    bus.close()
    assert values == [ticks[0], b"{"]


def test_events_by_key_symbol_or_account(tmp_path: Path) -> None:
    events = [{"header": {"timestamp": START}, "payload": {"account": account, "symbol": "X"}} for account in ("ACC1", "ACC2")]
    bus = written(tmp_path, "orders.events", [json.dumps(event).encode() for event in events], [b"o1", b"o2"])
    assert replayed(bus, "orders.events", Wanted(keys=frozenset({"ACC2"}))) == [events[1]]
    assert replayed(bus, "orders.events", Wanted(keys=frozenset({"o1"}))) == [events[0]]
    assert replayed(bus, "orders.events", Wanted(keys=frozenset({"X"}))) == events
    bus.close()


def test_controls_in_force_come_first(tmp_path: Path) -> None:
    def limit(threshold: int, second: int) -> bytes:
        return json.dumps({"header": {"timestamp": START + second * SECOND_NS}, "payload": {"threshold": threshold}}).encode()

    values: list[bytes | None] = [limit(1, 0), limit(2, 1), limit(3, 5), limit(4, 50)]
    bus = written(tmp_path, "control.limits", values, [b"L", b"L", b"L", b"L"])
    found = replayed(bus, "control.limits", Wanted(START + 3 * SECOND_NS, START + 10 * SECOND_NS, frozenset({"nobody"})))
    bus.close()
    assert [event["payload"]["threshold"] for event in found] == [2, 3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", 1_767_312_000),
        ("2026-01-02T14:30", 1_767_364_200),
        ("2026-01-02 14:30", 1_767_364_200),
        ("2026-01-02T15:30:00+01:00", 1_767_364_200),
        ("2026-01-02T14:30:00Z", 1_767_364_200),
        ("1767364200000000000", 1_767_364_200),
    ],
)
def test_moments(text: str, expected: int) -> None:
    assert parse_moment("--from", text) == expected * SECOND_NS


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "12"])
def test_no_moments(text: str) -> None:
    with pytest.raises(UsageError, match="--from: expected a time"):
        parse_moment("--from", text)
