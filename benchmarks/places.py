"""Buses that hold a data set: a real broker of our own, or an embedded bus in a folder of our own."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import OFFSET_END, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from benchmarks.progress import note
from benchmarks.ticks import TOPIC, Ticks, preload
from schemas.bus import Bus, Records
from schemas.errors import BusUnavailable
from tests.servers import cache_folder
from tests.servers.kafka import KafkaServer, own_server
from trademaster.bus import open_bus
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings

BAND = b'{"limitId":"band","rule":"price_band","scope":"firm","threshold":"0.10"}'
"""A band on every symbol, so that bands are paid for; the prices of the data sets never pass it."""

OUTPUTS = ("market.bars", "market.marks", "portfolio.pnl", "risk.alerts", "dead.letters")

BROKER_HEAP = "1g"
_BROKER_TIME = "LogAppendTime"
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A bus with a data set on ``market.ticks``."""

    url: str
    broker: int | None = None
    """Process of the broker; None: there is none, or it cannot be metered."""

    @property
    def bootstrap(self) -> str:
        return self.url.removeprefix("kafka://")


@contextmanager
def kafka_place(ticks: Ticks | None, *, band: bool = False) -> Iterator[Place]:
    """A broker with the data set; its data is kept between runs, the outputs of earlier runs are not.

    Args:
        ticks: the data set; None: no ticks.
        band: with a price band on every symbol.
    """
    folder = cache_folder() / "benchmarks" / f"kafka-{ticks.name}" if ticks else None
    note("starting a broker")
    server = own_server(folder, heap=BROKER_HEAP)
    try:
        server.start()
        place = Place(f"kafka://{server.bootstrap}", server.pid if isinstance(server, KafkaServer) else None)
        _forget_outputs(place.bootstrap)
        _create_topics(place.url)
        _stamp_by_broker(place.bootstrap, OUTPUTS)
        _load(place.url, ticks, folder, band=band)
        yield place
        # In order, for the data is kept: after a kill the next start would read all of it again.
        server.stop()
    finally:
        server.close()


@contextmanager
def embedded_place(ticks: Ticks | None, *, band: bool = False) -> Iterator[Place]:
    """An embedded bus with the data set in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        place = Place(f"embedded:{folder}/bus")
        _create_topics(place.url)
        _load(place.url, ticks, None, band=band)
        yield place


def _create_topics(url: str) -> None:
    """What ``trademaster topics create`` does by default."""
    bus = open_bus(url)
    try:
        bus.create(topic_settings(Settings()))
    finally:
        bus.close()


def _load(url: str, ticks: Ticks | None, folder: Path | None, *, band: bool) -> None:
    bus = open_bus(url)
    try:
        for topic in (TOPIC, *OUTPUTS):
            _await_leaders(bus, topic)
        if band:
            _write_band(bus)
        if ticks is None:
            return
        state = bus.state(TOPIC)
        wanted = {"begin": sorted(state.begin.items()), "end": sorted(state.end.items())}
        loaded = folder / "loaded.json" if folder else None
        if loaded and loaded.exists() and json.loads(loaded.read_text()) == json.loads(json.dumps(wanted)):
            note(f"{ticks.name} is there")
            return
        if any(state.end.values()):
            raise RuntimeError(f"expected all or none of {ticks.name}, found a part of it; delete {folder}")
        note(f"writing {ticks.name}")
        preload(bus, ticks)
        if loaded:
            state = bus.state(TOPIC)
            loaded.write_text(json.dumps({"begin": sorted(state.begin.items()), "end": sorted(state.end.items())}))
    finally:
        bus.close()


def _await_leaders(bus: Bus, topic: str) -> None:
    """Right after they were made, or after a broker's start, partitions may have no leader yet."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            bus.state(topic)
        except BusUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _write_band(bus: Bus) -> None:
    writer = bus.writer()
    try:
        writer.write(Records("control.limits", [0], [b"band"], [BAND]))
        writer.flush()
    finally:
        writer.close()


def _forget_outputs(bootstrap: str) -> None:
    """Let the broker drop what earlier runs wrote. Topics stay: one made anew under its old name is without a leader for a while."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = admin.list_topics(timeout=_SECONDS).topics
    old = [name for name in topics if name in OUTPUTS or name.startswith("peers.")]
    ends = [TopicPartition(name, partition, OFFSET_END) for name in old for partition in topics[name].partitions]
    deadline = time.monotonic() + _SECONDS
    while ends:
        dropped = admin.delete_records(ends, operation_timeout=_SECONDS)
        ends = [end for end, future in dropped.items() if isinstance(future.exception(_SECONDS), KafkaException)]
        if time.monotonic() > deadline:
            raise RuntimeError(f"expected the broker to drop old outputs in {_SECONDS:g} s; it keeps {ends}")
        # Right after its start a broker may not lead its partitions yet.
        time.sleep(0.1)


def create_output(bootstrap: str, topic: str) -> None:
    """A topic for what a peer makes, of one partition, stamped by the broker; if it is there, it stays."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    if topic not in admin.list_topics(timeout=_SECONDS).topics:
        settings = {"message.timestamp.type": _BROKER_TIME}
        admin.create_topics([NewTopic(topic, 1, 1, config=settings)], operation_timeout=_SECONDS)[topic].result(_SECONDS)


def _stamp_by_broker(bootstrap: str, topics: Sequence[str]) -> None:
    """Let the broker say when an output was appended: one clock for all, whatever a producer writes."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    entry = ConfigEntry("message.timestamp.type", _BROKER_TIME, incremental_operation=AlterConfigOpType.SET)
    resources = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry]) for topic in topics]
    for altered in admin.incremental_alter_configs(resources).values():
        altered.result(_SECONDS)
