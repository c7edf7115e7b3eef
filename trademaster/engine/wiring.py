"""Joins named flows into one Bytewax dataflow.

One source a topic that is read, one sink for all that is written. A topic whose every writer is in the run is passed on inside the
process, to the flows after them, as well as written to the bus; an input topic and an edge that would close a cycle go through the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink

from flows.flow import Context, Flow, step_id
from flows.table import FlowRow
from schemas.dead_letters import INGEST, Reject, encode_dead_letters
from schemas.outgoing import Outgoing
from trademaster.engine.bus_part import REJECTED, Item
from trademaster.engine.foreign import is_foreign, load_flow
from trademaster.engine.topology import DEAD, find_rows, inner_edges, topics_read


def find_flows(names: Sequence[str]) -> list[Flow]:
    """The flows of these names with their code, in the order of the table, each once.

    Raises:
        UnknownFlow: there is none of that name.
    """
    of_table = [import_module(f"flows.{row.name}").FLOW for row in find_rows([name for name in names if not is_foreign(name)])]
    foreign = {flow.row.name: flow for flow in map(load_flow, filter(is_foreign, names))}
    return [*of_table, *foreign.values()]


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a run's streams begin and end."""

    inputs: Callable[[Dataflow, Sequence[str]], Mapping[str, Stream[Item]]]
    """Adds the sources of these topics to a dataflow."""
    sink: Sink[Any]
    sink_key: str
    """Key under which the sink takes what this worker made."""
    count: Callable[[Sequence[Reject]], object] = len
    """Told of each reject once."""


def wire(flows: Sequence[Flow], contexts: Mapping[str, Context], ends: Ends) -> Dataflow:
    """One dataflow of these flows. Step ids name stored state: a topic's source has the topic's name, the sink is ``bus``."""
    dataflow = Dataflow("trademaster")
    read: dict[str, KeyedStream[Any]] = {}
    made_before: dict[str, KeyedStream[Any]] = {}
    outgoing: list[Stream[Outgoing]] = []
    rows = [_row_read(flow, contexts[flow.row.name]) for flow in flows]
    for topic, items in ends.inputs(dataflow, topics_read(rows)).items():
        arrived = op.branch(step_id(topic, "sort"), items, lambda item: item[0] != REJECTED)
        read[topic] = arrived.trues
        outgoing.append(_rejected(step_id(topic, "rejects"), arrived.falses, INGEST, ends))
    inner = inner_edges(rows)
    handed_on = {topic for _, topic in inner}
    for flow, row in zip(flows, rows, strict=True):
        inputs = {topic: (made_before if (row.name, topic) in inner else read)[topic] for topic in row.reads}
        made = flow.build(inputs, contexts[row.name])
        codecs = flow.encode(contexts[flow.row.name].settings)
        for topic, stream in made.items():
            step = step_id(flow.row.name, topic)
            outgoing.append(_rejected(step, stream, flow.row.name, ends) if topic == DEAD else _encoded(step, stream, codecs[topic]))
            if topic in handed_on:
                before = made_before.get(topic)
                made_before[topic] = op.merge(step_id(topic, flow.row.name), before, stream) if before is not None else stream
    leaving = op.map("bus_key", op.merge("bus_all", *outgoing), lambda events: (ends.sink_key, events))
    op.output("bus", leaving, ends.sink)
    return dataflow


def _row_read(flow: Flow, context: Context) -> FlowRow:
    """A flow's row with the topics that it reads with these settings."""
    return replace(flow.row, reads=flow.reads(context.settings)) if flow.reads else flow.row


def _encoded(step: str, stream: KeyedStream[Any], encode: Callable[[Sequence[Any]], Outgoing]) -> Stream[Outgoing]:
    """What all shards made is encoded at once: a call has a price, and there are sixteen shards."""
    return op.flat_map_batch(step_id(step, "encode"), stream, lambda items: [encode([value for _, value in items])])


def _rejected(step: str, stream: Stream[Item], source: str, ends: Ends) -> Stream[Outgoing]:
    def encode(items: Sequence[Item]) -> list[Outgoing]:
        rejects = [reject for _, some in items for reject in some]
        ends.count(rejects)
        return [encode_dead_letters(rejects, source)]

    return op.flat_map_batch(step_id(step, "encode"), stream, encode)
