"""How each topic is made: the table of topics, with the settings of a person."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.bus import TopicSettings
from schemas.topics import TOPICS, topic
from trademaster.settings import Settings


def topic_settings(settings: Settings, names: Iterable[str] = TOPICS) -> list[TopicSettings]:
    """What ``Bus.create`` takes for these topics (default: all)."""
    wanted = settings.topics
    return [
        TopicSettings(
            name=row.name,
            partitions=1 if row.single else wanted.partitions,
            compacted=row.compacted,
            retention_ms=wanted.retention.ns // 1_000_000,
            retention_bytes=wanted.retention_bytes,
            replication=wanted.replication,
        )
        for row in map(topic, names)
    ]
