"""Kafka's topics: made with their settings, compared with them, described."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import stamina
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType  # type: ignore[attr-defined]

from schemas import rdkafka as c
from schemas.bus import Position, TopicSettings, TopicState
from schemas.errors import BusError, BusUnavailable, SettingsError, UnknownTopic

_LOOK_AGAIN_S = 0.02
_EARLIEST: Any = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaAdmin:
    """Administration of one cluster. Connects at its first question.

    Args:
        properties: librdkafka's, ``bootstrap.servers`` among them.
        patience_s: how long a question may take before it raises BusUnavailable.
    """

    def __init__(self, properties: Mapping[str, str], *, patience_s: float = 30.0) -> None:
        self._bootstrap = properties.get("bootstrap.servers", "")
        self._patience_s = patience_s
        try:
            self._client = AdminClient({"reconnect.backoff.max.ms": "1000", **properties, "log_level": 0})
        except KafkaException as error:
            raise SettingsError(f"Kafka client refused its properties: {error}", hint="check the query of the bus URL") from None

    def partitions(self, topic: str) -> list[int]:
        """Partition numbers, ascending. Raises UnknownTopic."""
        found = self._metadata(topic).topics.get(topic)
        if found is None or found.error is not None or not found.partitions:
            if found is not None and found.error is not None and found.error.code() not in c.UNKNOWN_TOPIC_ERRORS:
                raise self._unavailable(f"describe {topic}", found.error.str())
            raise UnknownTopic(f"Kafka at {self._bootstrap} has no topic {topic}", hint="create it: trademaster topics create")
        return sorted(found.partitions)

    def create(self, topics: Sequence[TopicSettings]) -> list[str]:
        """Create what is missing; returns the names of the created when they can be written to."""
        wanted = {settings.name: settings for settings in topics}
        made = (
            self._client.create_topics(
                [_new_topic(settings) for settings in topics],
                operation_timeout=self._patience_s,
            )
            if topics
            else {}
        )
        created: list[str] = []
        for name, future in made.items():
            try:
                future.result(self._patience_s + 1.0)
                created.append(name)
            except TimeoutError:
                raise self._unavailable(f"create {name}", "time is over") from None
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise self._unavailable(f"create {name}", error.args[0].str()) from None
        self._await_leaders({name: wanted[name].partitions for name in created})
        return created

    def _await_leaders(self, topics: Mapping[str, int]) -> None:
        """A topic is made before its partitions have leaders; who writes at once would see errors."""
        deadline_s = time.monotonic() + self._patience_s
        while missing := [name for name, count in topics.items() if not self._has_leaders(name, count)]:
            if time.monotonic() > deadline_s:
                raise self._unavailable(f"give partitions of {', '.join(missing)} a leader", "time is over")
            time.sleep(_LOOK_AGAIN_S)

    def _has_leaders(self, topic: str, count: int) -> bool:
        found = self._metadata(topic).topics.get(topic)
        return found is not None and sum(partition.leader >= 0 for partition in found.partitions.values()) >= count

    def differences(self, topics: Sequence[TopicSettings]) -> list[str]:
        """What of the wanted settings the existing topics do not have, a line each, with what to do."""
        present = self._metadata(None).topics
        lines = [f"{t.name}: does not exist; create it: trademaster topics create" for t in topics if t.name not in present]
        existing = {settings.name: settings for settings in topics if settings.name in present}
        asked = self._client.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in existing]) if existing else {}
        for resource, future in asked.items():
            found = self._result(future, f"describe {resource.name}")
            wanted = existing[resource.name]
            count = len(present[wanted.name].partitions)
            if count != wanted.partitions:
                lines.append(
                    f"{wanted.name}: {count} partitions, expected {wanted.partitions}; keys would move: "
                    "delete and create it, or set the count in the settings"
                )
            for name, value in topic_configuration(wanted).items():
                actual = found[name].value if name in found else None
                if actual != value:
                    lines.append(
                        f"{wanted.name}: {name} is {actual}, expected {value}; "
                        f"set it: kafka-configs.sh --alter --topic {wanted.name} --add-config {name}={value}"
                    )
        return lines

    def state(self, topic: str) -> TopicState:
        """First and next offset of each partition."""
        partitions = self.partitions(topic)
        return TopicState(topic, self._offsets(topic, partitions, _EARLIEST), self._offsets(topic, partitions, _LATEST))

    def _offsets(self, topic: str, partitions: Sequence[int], spec: Any) -> Position:
        """A partition that is new or moves has no leader for a moment: asked again until the patience is over."""
        patience = {"attempts": None, "timeout": self._patience_s, "wait_initial": _LOOK_AGAIN_S, "wait_max": 1.0}
        for attempt in stamina.retry_context(BusUnavailable, **patience):  # type: ignore[arg-type]
            with attempt:
                return self._ask_offsets(topic, partitions, spec)
        raise AssertionError("the last attempt returns or raises")

    def _ask_offsets(self, topic: str, partitions: Sequence[int], spec: Any) -> Position:
        asked = self._client.list_offsets(
            {TopicPartition(topic, partition): spec for partition in partitions}, request_timeout=self._patience_s
        )
        return {at.partition: int(self._result(future, f"list offsets of {topic}").offset) for at, future in asked.items()}

    def identity(self) -> str:
        """The id that the cluster gave itself when its storage was made."""
        found = self._metadata(None).cluster_id
        if not found:
            raise self._unavailable("tell its cluster id", "it gave none")
        return f"kafka:{found}"

    def topic_identity(self, topic: str) -> str:
        """Another text when the topic was deleted and made anew."""
        from confluent_kafka import TopicCollection

        (future,) = self._client.describe_topics(TopicCollection([topic]), request_timeout=self._patience_s).values()
        return f"{self.identity()}/{self._result(future, f'describe {topic}').topic_id}"

    def _metadata(self, topic: str | None) -> Any:
        try:
            return self._client.list_topics(topic, timeout=self._patience_s)
        except KafkaException as error:
            raise self._unavailable("list its topics", error.args[0].str()) from None

    def _result(self, future: Future[Any], what: str) -> Any:
        try:
            return future.result(self._patience_s + 1.0)
        except TimeoutError:
            raise self._unavailable(what, "time is over") from None
        except KafkaException as error:
            if error.args[0].code() in c.UNKNOWN_TOPIC_ERRORS:
                raise UnknownTopic(f"Kafka could not {what}: no such topic", hint="create it: trademaster topics create") from None
            raise self._unavailable(what, error.args[0].str()) from None

    def _unavailable(self, what: str, why: str) -> BusError:
        return BusUnavailable(
            f"Kafka at {self._bootstrap} could not {what} in {self._patience_s:g} s: {why}",
            hint="check that the broker runs and that its address and credentials are right",
        )


def topic_configuration(settings: TopicSettings) -> dict[str, str]:
    """Kafka's own settings for a topic of ours."""
    common = {"max.message.bytes": str(c.MAX_RECORD_BYTES + 1048576)}
    if settings.compacted:
        return {**common, "cleanup.policy": "compact"}
    # Kafka bounds each partition, we the topic.
    per_partition = settings.retention_bytes // settings.partitions if settings.retention_bytes >= 0 else -1
    return {
        **common,
        "cleanup.policy": "delete",
        "retention.ms": str(settings.retention_ms),
        "retention.bytes": str(per_partition),
    }


def _new_topic(settings: TopicSettings) -> NewTopic:
    return NewTopic(settings.name, settings.partitions, settings.replication, config=topic_configuration(settings))
