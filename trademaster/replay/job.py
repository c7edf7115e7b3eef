"""Opens both ends of a replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO

from schemas.bus import TopicSettings
from schemas.errors import UsageError
from trademaster.bus import open_bus, with_prefix
from trademaster.ingest import parse_speed
from trademaster.replay.from_bus import BusHistory
from trademaster.replay.output import BusOutput, LineOutput, Output
from trademaster.replay.run import INPUTS, History, Progress, replay
from trademaster.replay.timed import Wanted
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings


@dataclass(frozen=True, slots=True)
class Job:
    """What a person asked for."""

    from_ns: int
    to_ns: int
    topics: tuple[str, ...]
    """Empty: what came from outside."""
    keys: frozenset[str]
    speed: str
    to_bus: str | None
    prefix: str | None
    appends: bool
    archive: str | None = None
    """URL of the archive to read instead of the bus."""


def run_job(settings: Settings, job: Job, out: BinaryIO, progress: Callable[[Progress], object] | None) -> Progress:
    """Replay; where it has got to.

    Raises:
        UsageError: it cannot be done as asked.
        BusError: a bus cannot be used.
    """
    speed = parse_speed(job.speed)
    topics = job.topics or INPUTS
    target = _target(settings.bus.url, job)
    with ExitStack() as stack:
        history = _history(settings, job, stack)
        counts = {topic: history.partitions(topic) for topic in topics}
        output = _output(target, _wanted_topics(settings, counts), job, out, stack)
        return replay(history, topics, output, speed=speed, progress=progress or (lambda _: None))


def _target(source: str, job: Job) -> str | None:
    """URL to write to; None: lines."""
    if job.prefix:
        return with_prefix(job.to_bus or source, job.prefix)
    if job.to_bus == source and job.archive is None:
        raise UsageError("expected --to-bus to be another bus, found the one that is read", hint="add --prefix replay. to write beside it")
    return job.to_bus


def _history(settings: Settings, job: Job, stack: ExitStack) -> History:
    wanted = Wanted(job.from_ns, job.to_ns, job.keys)
    if job.archive is not None:
        from sources.archive import open_archive
        from trademaster.replay.from_archive import ArchiveHistory

        return ArchiveHistory(open_archive(job.archive), wanted, lambda topic: topic_settings(settings, [topic])[0].partitions)
    bus = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    stack.callback(bus.close)
    return BusHistory(bus, wanted)


def _output(target: str | None, wanted: Mapping[str, TopicSettings], job: Job, out: BinaryIO, stack: ExitStack) -> Output:
    output = BusOutput(open_bus(target), wanted, appends=job.appends) if target else LineOutput(out)
    stack.callback(output.close)
    return output


def _wanted_topics(settings: Settings, counts: Mapping[str, int]) -> dict[str, TopicSettings]:
    """Topics as they were recorded, and for the dead letters of who reads them."""
    made = {wanted.name: wanted for wanted in topic_settings(settings, counts)}
    return {topic: replace(made[topic], partitions=count) for topic, count in counts.items()}
