"""The bus on a Kafka cluster: ``kafka://HOST:PORT,HOST:PORT?property=value``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import stamina

from schemas.bus import TopicSettings, TopicState
from schemas.errors import SettingsError, UnknownTopic
from schemas.kept_records import KeptRecord
from schemas.rdkafka import OFFSET_BEGINNING
from sinks.kafka import KafkaWriter
from sinks.kafka_admin import KafkaAdmin
from sinks.kafka_records import append
from sources.kafka import KafkaReader
from sources.kafka_records import records_at

_SCHEME = "kafka://"
_OURS = "trademaster."

# Nobody wants to read of each retry; and before logs are configured such a line would go to stdout, among the data.
stamina.instrumentation.set_on_retry_hooks(())


class KafkaBus:
    """The ``schemas.bus.Bus`` of Kafka. Connects at the first question, so that making one is cheap.

    The query of the URL takes every property of librdkafka (``security.protocol``, ``sasl.mechanism``, ``ssl.ca.location``, ...);
    a value ``env:NAME`` is read from the environment, which is the place for passwords. Three are ours:
    ``trademaster.patience_s``, how long a broker may be out of reach before an error; ``trademaster.group`` (``trademaster``), the
    consumer group that shows our lag; ``trademaster.binding=plain``, which does without compiled readers and writers.

    Raises:
        SettingsError: the URL is not of this form.
    """

    def __init__(self, url: str, *, patience_s: float = 30.0) -> None:
        self.url = url
        self._properties, ours = parse_url(url)
        self._patience_s = _seconds(ours.pop("patience_s", str(patience_s)))
        self._group = ours.pop("group", "trademaster")
        self._compiled = _binding(ours.pop("binding", "auto"))
        if ours:
            raise SettingsError(
                f"expected {_OURS}patience_s, {_OURS}group or {_OURS}binding in the bus URL, found {_OURS}{next(iter(ours))}",
                hint="librdkafka's own properties stand without a prefix",
            )
        self._admin_client: KafkaAdmin | None = None

    @property
    def _admin(self) -> KafkaAdmin:
        if self._admin_client is None:
            self._admin_client = KafkaAdmin(self._properties, patience_s=self._patience_s)
        return self._admin_client

    def partitions(self, topic: str) -> list[int]:
        return self._admin.partitions(topic)

    def create(self, topics: Sequence[TopicSettings]) -> list[str]:
        return self._admin.create(topics)

    def differences(self, topics: Sequence[TopicSettings]) -> list[str]:
        return self._admin.differences(topics)

    def state(self, topic: str) -> TopicState:
        return self._admin.state(topic)

    def identity(self) -> str:
        return self._admin.identity()

    def topic_identity(self, topic: str) -> str:
        """Another text when the topic was deleted and made anew in the same cluster."""
        return self._admin.topic_identity(topic)

    def reader(
        self, topic: str, partitions: Sequence[int] | None = None, start: Mapping[int, int] | None = None, *, with_keys: bool = False
    ) -> KafkaReader:
        """A reader; see ``schemas.bus.Bus.reader``. Raises UnknownTopic also for a partition that does not exist."""
        existing = self.partitions(topic)
        wanted = existing if partitions is None else list(partitions)
        strangers = sorted(set(wanted) - set(existing))
        if strangers:
            raise UnknownTopic(
                f"topic {topic} has partitions {existing[0]} to {existing[-1]}, not {strangers}",
                hint="were partitions removed? Positions are of another topic: reset the recovery store",
            )
        given = start or {}
        return KafkaReader(
            self._properties,
            topic,
            {partition: given.get(partition, OFFSET_BEGINNING) for partition in wanted},
            with_keys=with_keys,
            patience_s=self._patience_s,
            group=self._group,
            compiled=self._compiled,
        )

    def writer(self) -> KafkaWriter:
        return KafkaWriter(self._properties, patience_s=self._patience_s, compiled=self._compiled)

    def records_at(self, topic: str, places: list[tuple[int, int]]) -> dict[tuple[int, int], KeptRecord]:
        """See ``schemas.kept_records.HeaderedBus``."""
        return records_at(self._properties, self.state(topic), places, group=self._group, patience_s=self._patience_s)

    def append(self, records: list[KeptRecord]) -> None:
        """See ``schemas.kept_records.HeaderedBus``."""
        append(self._properties, records, patience_s=self._patience_s)

    def close(self) -> None:
        """Readers and writers have connections of their own, and are closed by who opened them."""
        self._admin_client = None


def compile_kernels() -> None:
    """Compile the readers' and writers' kernels into the cache, so that no first record waits for it."""
    from sinks import rdkafka as writing
    from sources import rdkafka as reading

    reading.compile_kernels()
    writing.compile_kernels()


def parse_url(url: str) -> tuple[dict[str, str], dict[str, str]]:
    """librdkafka's properties, and ours without their prefix."""
    address, _, query = url.removeprefix(_SCHEME).partition("?")
    brokers = address.rstrip("/")
    if not url.startswith(_SCHEME) or not brokers or not all(_is_address(broker) for broker in brokers.split(",")):
        raise SettingsError(f"expected a bus URL kafka://HOST:PORT[,HOST:PORT][?property=value], found {_shown(url)!r}")
    properties = {"bootstrap.servers": brokers, "client.id": "trademaster"}
    ours: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        value = _from_environment(name, text)
        if name.startswith(_OURS):
            ours[name.removeprefix(_OURS)] = value
        else:
            properties[name] = value
    return properties, ours


def _is_address(broker: str) -> bool:
    host, _, port = broker.rpartition(":")
    return bool(host) and port.isdigit() and 0 < int(port) < 65_536


def _shown(url: str) -> str:
    """A URL for an error message: its query may hold a password."""
    return url.partition("?")[0]


def _from_environment(name: str, text: str) -> str:
    if not text.startswith("env:"):
        return text
    variable = text.removeprefix("env:")
    if variable not in os.environ:
        raise SettingsError(
            f"expected {name} of the bus in the environment variable {variable}, which is not set", hint=f"export {variable}=..."
        )
    return os.environ[variable]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        raise SettingsError(f"expected {_OURS}patience_s between 0 and 86400 seconds, found {text!r}")
    return seconds


def _binding(text: str) -> bool | None:
    try:
        return {"auto": None, "compiled": True, "plain": False}[text]
    except KeyError:
        raise SettingsError(f"expected {_OURS}binding to be auto, compiled or plain, found {text!r}") from None
