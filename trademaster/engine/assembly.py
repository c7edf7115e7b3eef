"""Puts one worker together: bus, writer, contexts of its flows, dataflow."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream

from flows.delivery import Delivery
from flows.flow import Context, Flow, step_id
from schemas.bus import Bus
from schemas.control import Control
from schemas.event_reading import PAYLOADS
from schemas.store import Opening
from schemas.topics import TOPICS, Lane
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end
from trademaster.engine.bus_part import Item, Reading
from trademaster.engine.deliveries import delivery_topics, find_delivery
from trademaster.engine.event_parts import read_controls
from trademaster.engine.plan import Plan
from trademaster.engine.present import Present
from trademaster.engine.runtime import Failing, Published, Runtime
from trademaster.engine.sinks import BusSink, part_name
from trademaster.engine.snapshots import SnapshotFiles
from trademaster.engine.sources import BusSource
from trademaster.engine.store_sink import wire_delivery
from trademaster.engine.tick_part import frames_by_shard
from trademaster.engine.topology import topics_in_cycles, topics_written
from trademaster.engine.wiring import Ends, find_flows, wire
from trademaster.flow_settings import flow_settings
from trademaster.settings import Settings
from trademaster.stores import open_store
from trademaster.telemetry.recorder import Recorder


class Closing(Protocol):
    """What is let go of when the work is done."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker ready to run."""

    dataflow: Dataflow
    runtime: Runtime
    epoch_interval_ns: int
    opened: Sequence[Closing]
    """What was opened for this worker alone, beside its bus and its writer."""

    def close(self) -> None:
        for opened in self.opened:
            opened.close()
        self.runtime.writer.close()
        self.runtime.bus.close()


def assemble(plan: Plan, process: int, stopping: threading.Event, failing: Failing) -> Worker:
    """Open what the plan names and wire its flows, or its delivery; ``failing`` hears of errors while they run."""
    settings = Settings.model_validate(plan.settings)
    delivery = find_delivery(plan.flows)
    flows = [] if delivery else find_flows(plan.flows)
    runtime = _runtime(plan, settings, flows, process, stopping, failing)
    return _delivering(delivery, settings, runtime, plan.state_folder) if delivery else _flowing(flows, settings, runtime)


def _runtime(plan: Plan, settings: Settings, flows: Sequence[Flow], process: int, stopping: threading.Event, failing: Failing) -> Runtime:
    bus = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    recorder = Recorder.attach(Path(plan.counters), process)
    return Runtime(
        bus=bus,
        writer=bus.writer(),
        recorder=recorder,
        snapshots=SnapshotFiles(Path(plan.state_folder) if plan.state_folder else None, recorder.snapshot),
        process=process,
        is_alone=not plan.addresses,
        stopping=stopping,
        failing=failing,
        until_end=plan.until_end,
        in_cycles=frozenset(topics_in_cycles([flow.row for flow in flows])),
    )


def _reading(settings: Settings) -> Reading:
    engine = settings.engine
    return Reading(engine.source_parts, engine.max_batch, engine.max_wait.ns, settings.market.idle_after)


def _delivering(delivery: Delivery, settings: Settings, runtime: Runtime, state_folder: str | None) -> Worker:
    name, folder = delivery.row.name, Path(state_folder) if state_folder else None
    store = open_store(name, settings, Opening(runtime.bus.identity(), runtime.process, runtime.stopping, folder))
    dataflow = wire_delivery(name, delivery_topics(delivery, settings), store, runtime, _reading(settings))
    epoch_ns = delivery.epoch_ns(getattr(settings, name)) if delivery.epoch_ns else settings.engine.epoch_interval.ns
    return Worker(dataflow, runtime, epoch_ns, [store])


def _flowing(flows: Sequence[Flow], settings: Settings, runtime: Runtime) -> Worker:
    bus, reading = runtime.bus, _reading(settings)
    ends = Ends(
        inputs=lambda dataflow, topics: {topic: _input(dataflow, runtime, topic, reading) for topic in topics},
        sink=BusSink(runtime, {topic: len(bus.partitions(topic)) for topic in topics_written([flow.row for flow in flows])}),
        sink_key=part_name(runtime.process),
        count=runtime.count_rejects,
    )
    controls = read_present_controls(bus, flows)
    patience_s = settings.bus.patience.seconds
    published = {flow.row.name: Published(lambda: open_bus(settings.bus.url, patience_s=patience_s), flow.row.says) for flow in flows}
    contexts = {flow.row.name: _context(flow, settings, runtime, controls, published[flow.row.name]) for flow in flows}
    return Worker(wire(flows, contexts, ends), runtime, settings.engine.epoch_interval.ns, list(published.values()))


def _input(dataflow: Dataflow, runtime: Runtime, topic: str, reading: Reading) -> Stream[Item]:
    """A topic's source; of ticks what all of its parts read at once becomes one frame a shard."""
    read = op.input(source_id(topic, runtime.in_cycles), dataflow, BusSource(runtime, topic, reading))
    return op.flat_map_batch(step_id(topic, "split"), read, frames_by_shard) if topic == "market.ticks" else read


def source_id(topic: str, in_cycles: frozenset[str]) -> str:
    """Step id of a topic's source: the topic's name, unless the run's own flows make it too, whose step may have that id."""
    return step_id(topic, "back") if topic in in_cycles and TOPICS[topic].lane is not Lane.IN else step_id(topic)


def _context(flow: Flow, settings: Settings, runtime: Runtime, controls: Sequence[Control], said: Published) -> Context:
    return Context(
        settings=flow_settings(flow.row.name, settings),
        snapshots=runtime.snapshots,
        said=said,
        controls=tuple(control for control in controls if control.topic in flow.row.reads),
        failing=runtime.failing,
        is_alone=runtime.is_alone,
        present=Present(lambda: open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds), present_topics(flow)),
    )


def present_topics(flow: Flow) -> list[str]:
    """Compacted topics of events: what they hold is present, whatever came before."""
    return [topic for topic in flow.row.reads if TOPICS[topic].compacted and topic in PAYLOADS]


def read_present_controls(bus: Bus, flows: Sequence[Flow]) -> list[Control]:
    """What the control topics of these flows hold now. Bad entries are left to the source, which dead-letters them."""
    topics = sorted({topic for flow in flows for topic in flow.row.reads if TOPICS[topic].single})
    return [control for topic in topics for batch in read_to_end(bus, topic, with_keys=True) for control in read_controls(batch)[0]]
