"""``trademaster topics``."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import BusError, UnknownTopic
from trademaster.cli import options
from trademaster.cli.commands import COMMANDS

if TYPE_CHECKING:
    from schemas.bus import Bus
    from trademaster.settings import Settings

Names = Annotated[list[str] | None, typer.Argument(metavar="TOPIC", help="These topics; all if none is named.")]
Json = Annotated[bool, typer.Option("--json", help="A JSON object a line.")]


def create(names: Names = None, bus: options.BusUrl = None, config: options.Config = None, sets: options.Sets = None) -> None:
    """Create the topics that are missing, with their settings; print the created. Others are left as they are."""
    settings = options.settings_of(config, sets, bus__url=bus)
    from trademaster.topic_settings import topic_settings

    wanted = topic_settings(settings, names) if names else topic_settings(settings)
    with _opened(settings) as opened:
        for name in opened.create(wanted):
            typer.echo(name)


def list_(bus: options.BusUrl = None, json: Json = False, config: options.Config = None, sets: options.Sets = None) -> None:
    """Print each topic with its partitions and records."""
    settings = options.settings_of(config, sets, bus__url=bus)
    from schemas.topics import TOPICS

    with _opened(settings) as opened:
        for name in TOPICS:
            row = _row(opened, name)
            typer.echo(jsonlib.dumps(row) if json else _line(row))


def describe(
    names: Names = None, bus: options.BusUrl = None, json: Json = False, config: options.Config = None, sets: options.Sets = None
) -> None:
    """Print what a topic carries, its key, lane and retention, and the offsets of its partitions."""
    settings = options.settings_of(config, sets, bus__url=bus)
    from schemas.topics import TOPICS, topic

    rows = [topic(name) for name in (names or TOPICS)]
    with _opened(settings) as opened:
        for row in rows:
            described = {**_described(row.name, settings), **_row(opened, row.name)}
            if json:
                typer.echo(jsonlib.dumps(described))
                continue
            typer.echo(row.name)
            for name, value in described.items():
                if name != "topic":
                    typer.echo(f"  {name:<16} {jsonlib.dumps(value) if isinstance(value, dict) else value}")


def check(names: Names = None, bus: options.BusUrl = None, config: options.Config = None, sets: options.Sets = None) -> None:
    """Print what the topics on the bus do not have of their settings, a line each; exit code 1 if there is any."""
    settings = options.settings_of(config, sets, bus__url=bus)
    from trademaster.topic_settings import topic_settings

    wanted = topic_settings(settings, names) if names else topic_settings(settings)
    with _opened(settings) as opened:
        differences = opened.differences(wanted)
    for difference in differences:
        typer.echo(difference)
    if differences:
        raise typer.Exit(1)


@contextmanager
def _opened(settings: Settings) -> Iterator[Bus]:
    from trademaster.bus import open_bus

    opened = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    try:
        yield opened
    finally:
        opened.close()


def _row(bus: Bus, name: str) -> dict[str, object]:
    """Partitions and offsets; partitions 0 where the topic does not exist."""
    try:
        state = bus.state(name)
    except UnknownTopic:
        return {"topic": name, "partitions": 0, "records": 0}
    except BusError as error:
        error.add_note(f"topic {name}")
        raise
    kept = sum(state.end[partition] - begin for partition, begin in state.begin.items())
    return {
        "topic": name,
        "partitions": len(state.end),
        "records": kept,
        "offsets": {str(partition): [state.begin[partition], end] for partition, end in sorted(state.end.items())},
    }


def _line(row: dict[str, object]) -> str:
    missing = "" if row["partitions"] else "  missing: `trademaster topics create`"
    return f"{row['topic']:<22} partitions {row['partitions']:>3}  records {row['records']:>12}{missing}"


def _described(name: str, settings: Settings) -> dict[str, object]:
    from schemas.catalog import BARE, events_of
    from schemas.topics import LANE_BUDGET_MS, TOPICS, Lane

    row = TOPICS[name]
    budget = "" if row.lane is Lane.IN else f", {LANE_BUDGET_MS[row.lane]} ms"
    return {
        "carries": BARE[name].__name__ if name in BARE else " ".join(event.event_type for event in events_of(name)),
        "key": row.key,
        "partition by": row.partition_by,
        "lane": f"{row.lane.name.lower()}{budget}",
        "kept": "latest of each key" if row.compacted else str(settings.topics.retention),
    }


app = options.group(COMMANDS["topics"], create, list_, describe, check)
