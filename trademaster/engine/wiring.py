"""Joins named flows into one Bytewax dataflow.

One source a topic that is read, one sink for all that is written. A topic whose every writer is in the run is passed on inside the
process as well as written to the bus; an input topic and an edge that would close a cycle go through the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink

from flows.flow import Context, Flow, step_id
from schemas.dead_letters import Reject, encode_dead_letters
from schemas.errors import UnknownFlow
from schemas.outgoing import Outgoing
from schemas.topics import TOPICS, Lane
from trademaster.engine.sources import REJECTED, Item

DEAD = "dead.letters"

FLOWS = {"market": "flows.market"}
"""Name of each flow to its module."""


def find_flows(names: Sequence[str]) -> list[Flow]:
    """The flows of these names, in the order of the table, each once.

    Raises:
        UnknownFlow: there is none of that name.
    """
    for name in names:
        if name not in FLOWS:
            raise UnknownFlow(f"expected a flow, found {name!r}", hint="the flows are: " + ", ".join(FLOWS))
    return [import_module(FLOWS[name]).FLOW for name in FLOWS if name in names]


def inner_topics(flows: Sequence[Flow]) -> set[str]:
    """Topics that the flows of a run hand to one another inside the process."""
    earlier: set[str] = set()
    inner: set[str] = set()
    for flow in flows:
        inner |= {topic for topic in flow.reads if topic in earlier and TOPICS[topic].lane is not Lane.IN}
        earlier |= set(flow.writes)
    late = {topic for place, flow in enumerate(flows) for later in flows[place + 1 :] for topic in later.writes if topic in flow.reads}
    return inner - late


def topics_read(flows: Sequence[Flow]) -> list[str]:
    """Topics that need a source, in a stable order."""
    inner = inner_topics(flows)
    return sorted({topic for flow in flows for topic in flow.reads} - inner)


def topics_written(flows: Sequence[Flow]) -> list[str]:
    """Topics that the sink must know."""
    return sorted({topic for flow in flows for topic in flow.writes} | {DEAD})


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
    streams: dict[str, KeyedStream[Any]] = {}
    outgoing: list[Stream[Outgoing]] = []
    for topic, items in ends.inputs(dataflow, topics_read(flows)).items():
        arrived = op.branch(step_id(topic, "sort"), items, lambda item: item[0] != REJECTED)
        streams[topic] = arrived.trues
        outgoing.append(_rejected(step_id(topic, "rejects"), arrived.falses, "ingest", ends))
    inner = inner_topics(flows)
    for flow in flows:
        made = flow.build({topic: streams[topic] for topic in flow.reads}, contexts[flow.name])
        codecs = flow.encode(contexts[flow.name].settings)
        for topic, stream in made.items():
            step = step_id(flow.name, topic)
            outgoing.append(_rejected(step, stream, flow.name, ends) if topic == DEAD else _encoded(step, stream, codecs[topic]))
            if topic in inner:
                streams[topic] = op.merge(step_id(topic, flow.name), streams[topic], stream) if topic in streams else stream
    leaving = op.map("bus_key", op.merge("bus_all", *outgoing), lambda events: (ends.sink_key, events))
    op.output("bus", leaving, ends.sink)
    return dataflow


def _encoded(step: str, stream: KeyedStream[Any], encode: Callable[[Sequence[Any]], Outgoing]) -> Stream[Outgoing]:
    """What all shards made is encoded at once: a call has a price, and there are sixteen shards."""
    return op.flat_map_batch(step_id(step, "encode"), stream, lambda items: [encode([value for _, value in items])])


def _rejected(step: str, stream: Stream[Item], source: str, ends: Ends) -> Stream[Outgoing]:
    def encode(items: Sequence[Item]) -> list[Outgoing]:
        rejects = [reject for _, some in items for reject in some]
        ends.count(rejects)
        return [encode_dead_letters(rejects, source)]

    return op.flat_map_batch(step_id(step, "encode"), stream, encode)
