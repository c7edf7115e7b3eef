"""Which topics a run of several flows reads and writes, and which stay inside the process. Loads no engine and no flow of the table."""

from __future__ import annotations

from collections.abc import Sequence

from flows.table import DELIVERIES, FLOWS, FlowRow
from schemas.errors import UnknownFlow, UsageError
from schemas.topics import TOPICS, Lane
from trademaster.engine.foreign import is_foreign, load_flow

DEAD = "dead.letters"


def find_rows(names: Sequence[str]) -> list[FlowRow]:
    """A delivery, or the flows of these names, each once: those of the table in its order, then, as they are named, somebody's own.

    Raises:
        UnknownFlow: there is none of that name.
        UsageError: a delivery is not alone.
    """
    delivers = next((name for name in names if name in DELIVERIES), None)
    if delivers and len(set(names)) > 1:
        raise UsageError(
            f"expected {delivers} alone, found it beside {', '.join(name for name in names if name != delivers)}",
            hint=f"what it writes to may be slow and must not hold up the others: give it a process of its own, trademaster run {delivers}",
        )
    if delivers:
        return [DELIVERIES[delivers]]
    foreign: dict[str, FlowRow] = {}
    for name in names:
        if is_foreign(name):
            row = load_flow(name).row
            if foreign.setdefault(row.name, row) is not row:
                raise UnknownFlow(
                    f"{name}: expected a name of its own, found {row.name!r}, as another flow is called", hint="rename one of them"
                )
        elif name not in FLOWS:
            raise UnknownFlow(
                f"expected a flow, found {name!r}",
                hint=f"the flows are: {', '.join([*FLOWS, *DELIVERIES])}, or MODULE:NAME for one of your own",
            )
    return [*(row for name, row in FLOWS.items() if name in names), *foreign.values()]


def inner_edges(flows: Sequence[FlowRow]) -> set[tuple[str, str]]:
    """(Flow, topic that it reads) that is handed on inside the process.

    Every flow that writes such a topic is in the run, and before the one that reads it. All else goes through the bus: what is an input,
    what somebody else writes too (dead letters come from the sources as well), what would close a cycle, and what a flow of somebody's own
    writes, whose form inside nobody else knows.
    """
    place = {flow.name: at for at, flow in enumerate(flows)}
    known = {**FLOWS, **{flow.name: flow for flow in flows}}

    def is_inner(reader: str, topic: str) -> bool:
        writers = [flow.name for flow in known.values() if topic in flow.writes]
        return bool(writers) and all(writer in FLOWS and place.get(writer, len(flows)) < place[reader] for writer in writers)

    edges = {(flow.name, topic) for flow in flows for topic in flow.reads if topic != DEAD and TOPICS[topic].lane is not Lane.IN}
    return {(reader, topic) for reader, topic in edges if is_inner(reader, topic)}


def refuse_deliveries(names: Sequence[str]) -> None:
    """Raises UsageError: a delivery has no output that a filter could show."""
    if found := next((name for name in names if name in DELIVERIES), None):
        raise UsageError(f"expected flows, found the delivery {found}", hint=f"it reads a bus: trademaster run {found} --bus URL")


def topics_in_cycles(flows: Sequence[FlowRow]) -> set[str]:
    """Topics that a run both writes and reads back from the bus."""
    return set(topics_written(flows)) & set(topics_read(flows))


def topics_read(flows: Sequence[FlowRow]) -> list[str]:
    """Topics that need a source, in a stable order."""
    inner = inner_edges(flows)
    return sorted({topic for flow in flows for topic in flow.reads if (flow.name, topic) not in inner})


def topics_written(flows: Sequence[FlowRow]) -> list[str]:
    """Topics that the sink must know."""
    return sorted({topic for flow in flows for topic in flow.writes} | {DEAD})
