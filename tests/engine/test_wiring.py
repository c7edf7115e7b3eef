"""Named flows become one dataflow: what goes through the bus, what stays inside, and how the steps are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from flows.flow import SHARD_KEYS, Context, Flow, Streams, step_id
from flows.table import FLOWS, FlowRow
from operators.market.output import MarketSettings
from schemas.errors import UnknownFlow
from schemas.outgoing import Outgoing
from trademaster.engine.assembly import source_id
from trademaster.engine.pipe import NothingSaid
from trademaster.engine.snapshots import SnapshotFiles
from trademaster.engine.topology import find_rows, inner_edges, topics_in_cycles, topics_read, topics_written
from trademaster.engine.wiring import Ends, find_flows, wire
from trademaster.flow_settings import flow_settings
from trademaster.settings import Settings

MAKER = FlowRow("maker", ("market.ticks",), ("analytics", "system.health"))
TAKER = FlowRow("taker", ("market.ticks", "analytics"), ("notifications",))


def told(topic: str, texts: Sequence[str]) -> Outgoing:
    none = [0] * len(texts)
    return Outgoing(topic, [b"k"] * len(texts), [text.encode() for text in texts], none, none, none)


def flow_of(row: FlowRow) -> Flow:
    """Says on every topic that it writes what it heard and on which topic."""

    def build(inputs: Streams, _: Context) -> Streams:
        heard = op.merge(f"{row.name}_heard", *(inputs[topic] for topic in row.reads))
        return {
            topic: op.map_value(f"{row.name}_{topic}".replace(".", "_"), heard, lambda text: f"{row.name}({text})") for topic in row.writes
        }

    return Flow(row, build, lambda _: {topic: partial(told, topic) for topic in row.writes})


@pytest.fixture(autouse=True)
def table_as_it_was() -> Iterator[None]:
    """The order of the table says in which order flows are joined; what is deleted and put back would come last."""
    before = dict(FLOWS)
    yield
    FLOWS.clear()
    FLOWS.update(before)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more flows."""
    for row in (MAKER, TAKER):
        monkeypatch.setitem(FLOWS, row.name, row)
        monkeypatch.setitem(sys.modules, f"flows.{row.name}", SimpleNamespace(FLOW=flow_of(row)))


def context(settings: object = None) -> Context:
    return Context(settings, SnapshotFiles(None), NothingSaid())


def run(names: list[str], given: dict[str, list[str]]) -> list[tuple[str, str]]:
    """What the flows write, sorted: (topic, text)."""
    out: list[tuple[str, Outgoing]] = []
    flows, asked = find_flows(names), list[str]()

    def inputs(dataflow: Dataflow, topics: Sequence[str]) -> dict[str, Any]:
        asked.extend(topics)
        return {
            topic: op.input(step_id(topic), dataflow, TestingSource([("00-6", text) for text in given.get(topic, [])])) for topic in asked
        }

    run_main(wire(flows, {flow.row.name: context() for flow in flows}, Ends(inputs, TestingSink(out), "00")))
    assert asked == topics_read([flow.row for flow in flows])
    return sorted((item.topic, value.decode()) for _, item in out for value in item.values)


@pytest.mark.usefixtures("table")
def test_a_topic_of_an_earlier_flow_goes_on_inside_and_to_the_bus() -> None:
    assert topics_read([MAKER, TAKER]) == ["market.ticks"]
    assert run(["taker", "maker"], {"market.ticks": ["a"]}) == [
        ("analytics", "maker(a)"),
        ("notifications", "taker(a)"),
        ("notifications", "taker(maker(a))"),
        ("system.health", "maker(a)"),
    ]


@pytest.mark.usefixtures("table")
def test_alone_a_flow_reads_the_bus() -> None:
    assert topics_read([TAKER]) == ["analytics", "market.ticks"]
    assert run(["taker"], {"analytics": ["i"]}) == [("notifications", "taker(i)")]


def rows(monkeypatch: pytest.MonkeyPatch, *made: FlowRow) -> list[FlowRow]:
    for row in made:
        monkeypatch.setitem(FLOWS, row.name, row)
    return find_rows([row.name for row in made])


def test_a_topic_that_others_write_too_goes_through_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = FlowRow("a", (), ("system.health",)), FlowRow("b", ("system.health",), ()), FlowRow("c", (), ("system.health",))
    rows(monkeypatch, a, c, b)
    assert inner_edges([a, b]) == set(), "c is not in the run, and its signals would be missed"
    assert inner_edges([a, c, b]) == {("b", "system.health")}


def test_a_cycle_goes_through_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = FlowRow("first", ("system.health",), ("notifications",)), FlowRow("second", ("notifications",), ("system.health",))
    assert inner_edges(rows(monkeypatch, first, second)) == {("second", "notifications")}
    assert topics_read([first, second]) == ["system.health"]


def test_of_two_readers_the_earlier_reads_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    early, writer = FlowRow("early", ("analytics",), ()), FlowRow("writer", ("market.ticks",), ("analytics",))
    late = FlowRow("late", ("analytics",), ("notifications",))
    made = rows(monkeypatch, early, writer, late)
    assert inner_edges(made) == {("late", "analytics")}
    assert topics_read(made) == ["analytics", "market.ticks"]
    for row in made:
        monkeypatch.setitem(sys.modules, f"flows.{row.name}", SimpleNamespace(FLOW=flow_of(row)))
    written = run(["early", "writer", "late"], {"market.ticks": ["a"], "analytics": ["b"]})
    assert written == [("analytics", "writer(a)"), ("notifications", "late(writer(a))")]


def test_its_own_topic_comes_back_through_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    early, both = FlowRow("early", (), ("system.health",)), FlowRow("both", ("system.health",), ("system.health",))
    assert topics_read(rows(monkeypatch, early, both)) == ["system.health"]


@pytest.mark.parametrize("topic", ["orders.commands", "market.ticks", "dead.letters"])
def test_inputs_and_dead_letters_go_through_the_bus(monkeypatch: pytest.MonkeyPatch, topic: str) -> None:
    monkeypatch.delitem(FLOWS, "market")  # which writes dead letters and is not in this run
    made = rows(monkeypatch, FlowRow("first", (), (topic,)), FlowRow("second", (topic,), ()))
    assert topics_read(made) == [topic]
    assert topics_written(made) == sorted({topic, "dead.letters"})


def test_an_unknown_flow() -> None:
    with pytest.raises(UnknownFlow, match="expected a flow, found 'markt'") as caught:
        find_rows(["market", "markt"])
    assert "market" in caught.value.hint


def test_the_table_agrees_with_the_code() -> None:
    for name in FLOWS:
        (flow,) = find_flows([name])
        assert flow.row is FLOWS[name]
        codecs = flow.encode(MarketSettings(intervals=("1s",)))
        assert {*codecs, "dead.letters"} >= set(flow.row.writes)


STORED = {
    "trademaster.market_ticks": "sources",
    "trademaster.control_limits": "sources",
    "trademaster.control_instruments": "sources",
    "trademaster.market": "a shard each",
    "trademaster.bus": "the sink",
}
"""Steps of the market flow that have state. Their names are in every recovery folder there is: never change one."""


@pytest.mark.parametrize("count", range(1, len(FLOWS) + 1))
def test_no_two_steps_of_any_flows_have_one_name(count: int) -> None:
    """The engine would refuse them."""
    for names in combinations(FLOWS, count):
        flows = find_flows(names)
        in_cycles = frozenset(topics_in_cycles([flow.row for flow in flows]))

        def inputs(dataflow: Dataflow, topics: Sequence[str], in_cycles: frozenset[str] = in_cycles) -> dict[str, Any]:
            return {topic: op.input(source_id(topic, in_cycles), dataflow, TestingSource([])) for topic in topics}

        said = NothingSaid()
        contexts = {flow.row.name: Context(flow_settings(flow.row.name, Settings()), SnapshotFiles(None), said) for flow in flows}
        wire(flows, contexts, Ends(inputs, TestingSink([]), "00"))


def test_steps_that_have_state_keep_their_names() -> None:
    from bytewax.outputs import FixedPartitionedSink

    class Nowhere(FixedPartitionedSink):  # type: ignore[type-arg]
        def list_parts(self) -> list[str]:
            return []

        def build_part(self, *_: object) -> object:  # type: ignore[override]
            raise AssertionError

    def inputs(dataflow: Dataflow, topics: Sequence[str]) -> dict[str, Any]:
        return {topic: op.input(step_id(topic), dataflow, TestingSource([])) for topic in topics}

    ends = Ends(inputs, Nowhere(), "00")
    dataflow = wire(find_flows(["market"]), {"market": context(MarketSettings(intervals=("1s",)))}, ends)
    assert with_state(dataflow) == set(STORED)


def with_state(dataflow: Dataflow) -> set[str]:
    found, todo = set(), list(dataflow.substeps)
    while todo:
        step = todo.pop()
        if type(step).__name__ in ("input", "output", "stateful_batch"):
            found.add(step.step_id)
        else:
            todo += step.substeps
    return found


def test_shards_keep_their_names_and_spread() -> None:
    assert SHARD_KEYS[:3] == ("00-6", "01-68", "02-28")
    assert len(set(SHARD_KEYS)) == 16
    assert [int(key[:2]) for key in SHARD_KEYS] == list(range(16))
