"""Which topics a run of several flows reads and writes, and which of them never leave the process. Loads no engine and no flow."""

from __future__ import annotations

from collections.abc import Sequence

from flows.table import FLOWS, FlowRow
from schemas.errors import UnknownFlow
from schemas.topics import TOPICS, Lane

DEAD = "dead.letters"


def find_rows(names: Sequence[str]) -> list[FlowRow]:
    """The flows of these names, in the order of the table, each once.

    Raises:
        UnknownFlow: there is none of that name.
    """
    for name in names:
        if name not in FLOWS:
            raise UnknownFlow(f"expected a flow, found {name!r}", hint="the flows are: " + ", ".join(FLOWS))
    return [row for name, row in FLOWS.items() if name in names]


def inner_topics(flows: Sequence[FlowRow]) -> set[str]:
    """Topics that the flows of a run hand to one another inside the process.

    Every flow that writes such a topic is in the run, and before all that read it. Others go through the bus: what is an input, what
    somebody else writes too (dead letters come from the sources as well), and what would close a cycle.
    """
    place = {flow.name: at for at, flow in enumerate(flows)}

    def is_inner(topic: str) -> bool:
        writers = [flow.name for flow in FLOWS.values() if topic in flow.writes]
        readers = [place[flow.name] for flow in flows if topic in flow.reads]
        return bool(writers) and all(writer in place for writer in writers) and max(place[writer] for writer in writers) < min(readers)

    read = {topic for flow in flows for topic in flow.reads}
    return {topic for topic in read if topic != DEAD and TOPICS[topic].lane is not Lane.IN and is_inner(topic)}


def topics_in_cycles(flows: Sequence[FlowRow]) -> set[str]:
    """Topics that a run both writes and reads back from the bus."""
    return {topic for flow in flows for topic in flow.writes} & set(topics_read(flows)) - {DEAD}


def topics_read(flows: Sequence[FlowRow]) -> list[str]:
    """Topics that need a source, in a stable order."""
    inner = inner_topics(flows)
    return sorted({topic for flow in flows for topic in flow.reads} - inner)


def topics_written(flows: Sequence[FlowRow]) -> list[str]:
    """Topics that the sink must know."""
    return sorted({topic for flow in flows for topic in flow.writes} | {DEAD})
