"""A broker that dies, freezes and comes back; positions that are gone; transactions."""

from __future__ import annotations

import gc
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.bus import Records, TopicSettings
from schemas.errors import BusUnavailable, PositionLost
from sources.kafka import KafkaReader
from tests.servers.kafka import Broker
from trademaster.bus.kafka import KafkaBus

FORMS = ("compiled", "plain")
WAIT_S = 30.0


def _topic(bus: KafkaBus, partitions: int = 2, *, compacted: bool = False) -> str:
    name = f"test.{uuid.uuid4().hex}"
    bus.create([TopicSettings(name, partitions, compacted)])
    return name


def _read(bus: KafkaBus, topic: str, partitions: int = 2) -> list[list[int]]:
    """All values, numbers, by partition."""
    reader = bus.reader(topic)
    end = reader.end()
    found: list[list[int]] = [[] for _ in range(partitions)]
    while reader.position() != end:
        batch = reader.poll(10_000, WAIT_S)
        assert batch is not None, f"nothing came at {reader.position()} of {end}"
        for partition, value in zip(batch.partition.tolist(), batch.values(), strict=True):
            found[partition].append(int(value))
    reader.close()
    return found


def _numbers(topic: str, numbers: range) -> Records:
    return Records(topic, [n % 2 for n in numbers], [b"k"] * len(numbers), [b"%d" % n for n in numbers])


def test_clients_that_nobody_closed_do_not_outlive_their_owner(own_kafka: Broker) -> None:
    """librdkafka's threads would call what Python has freed. Ends the process if they do."""
    for _ in range(5):
        bus = KafkaBus(f"kafka://{own_kafka.bootstrap}")
        topic = _topic(bus)
        writer, reader = bus.writer(), bus.reader(topic)
        writer.write(_numbers(topic, range(10)))
        writer.flush()
        assert reader.poll(10, WAIT_S) is not None
        assert reader.end() == {0: 5, 1: 5}
        del writer, reader
    gc.collect()
    own_kafka.kill()
    with pytest.raises(BusUnavailable):
        KafkaBus(f"kafka://{own_kafka.bootstrap}", patience_s=2).partitions("any")


@pytest.fixture(params=FORMS)
def bus(request: pytest.FixtureRequest, kafka: Any) -> Iterator[KafkaBus]:
    opened = KafkaBus(f"kafka://{kafka.bootstrap}?trademaster.binding={request.param}", patience_s=60)
    yield opened
    opened.close()


def test_a_broker_killed_while_records_are_written_loses_none_and_keeps_their_order(own_kafka: Broker) -> None:
    """Killed and started again in the midst of writes, for both forms at once: one broker's start is dear."""
    buses = {form: KafkaBus(f"kafka://{own_kafka.bootstrap}?trademaster.binding={form}", patience_s=60) for form in FORMS}
    topics = {form: _topic(bus) for form, bus in buses.items()}
    killed, done = threading.Event(), threading.Event()
    written = dict.fromkeys(FORMS, 0)

    def write(form: str) -> None:
        writer = buses[form].writer()
        # Goes on until some time after the kill, so that records are on their way in every state.
        while not (killed.is_set() and done.is_set()) and written[form] < 2_000_000:
            writer.write(_numbers(topics[form], range(written[form], written[form] + 50)))
            written[form] += 50
            done.wait(0.001)
        writer.flush(60)
        writer.close()

    reader = buses["compiled"].reader(topics["compiled"])
    threads = [threading.Thread(target=write, args=(form,)) for form in FORMS]
    for thread in threads:
        thread.start()
    live: list[list[int]] = [[], []]

    def poll_until(count: int) -> None:
        deadline_s = time.monotonic() + 60
        while sum(map(len, live)) < count:
            assert time.monotonic() < deadline_s
            batch = reader.poll(1000, 0.2)
            for partition, value in zip(batch.partition.tolist(), batch.values(), strict=True) if batch else []:
                live[partition].append(int(value))

    poll_until(1000)
    own_kafka.kill()
    killed.set()
    own_kafka.start()
    poll_until(sum(map(len, live)) + 1000)
    done.set()
    for thread in threads:
        thread.join(120)
    poll_until(written["compiled"])
    reader.close()
    for form in FORMS:
        expected = [list(range(number, written[form], 2)) for number in range(2)]
        assert _read(buses["compiled"], topics[form]) == expected
    assert live == [list(range(number, written["compiled"], 2)) for number in range(2)]


def test_a_broker_gone_for_longer_than_the_patience_is_named_and_after_it_is_back_both_go_on(own_kafka: Broker) -> None:
    patient, hasty = (KafkaBus(f"kafka://{own_kafka.bootstrap}", patience_s=seconds) for seconds in (60, 3))
    topic, given_up = _topic(patient), _topic(patient)
    writer, hasty_writer, reader = patient.writer(), hasty.writer(), hasty.reader(topic)
    for one in (writer, hasty_writer):
        one.write(_numbers(topic if one is writer else given_up, range(2)))
        one.flush()
    while reader.position() != {0: 1, 1: 1}:
        assert reader.poll(10, WAIT_S) is not None
    own_kafka.kill()
    writer.write(_numbers(topic, range(2, 100)))
    hasty_writer.write(_numbers(given_up, range(2, 100)))
    with pytest.raises(BusUnavailable, match="98 records were not acknowledged"):
        writer.flush(0.5)
    with pytest.raises(BusUnavailable, match=rf"98 records to {given_up}.*127\.0\.0\.1"):
        hasty_writer.flush(20)
    with pytest.raises(BusUnavailable, match=r"no answer for \d+ s from Kafka broker 127\.0\.0\.1:\d+.* while reading") as caught:
        reader.poll(10, WAIT_S)
    assert "broker" in caught.value.hint
    own_kafka.start()
    writer.flush(60)
    hasty_writer.write(_numbers(given_up, range(2, 100)))
    hasty_writer.flush()
    count, deadline_s = 2, time.monotonic() + WAIT_S
    while count < 100:
        assert time.monotonic() < deadline_s
        try:
            batch = reader.poll(1000, 0.2)
        except BusUnavailable:
            continue  # the statistics that say "back" come once a second
        count += len(batch) if batch else 0
    assert _read(patient, topic) == [list(range(0, 100, 2)), list(range(1, 100, 2))] == _read(patient, given_up)
    writer.close()
    hasty_writer.close()
    reader.close()


def test_no_broker_at_all_is_an_error_that_names_it() -> None:
    bus = KafkaBus("kafka://127.0.0.1:1", patience_s=1)
    with pytest.raises(BusUnavailable, match=r"127\.0\.0\.1:1"):
        bus.partitions("any")
    writer = bus.writer()
    with pytest.raises(BusUnavailable, match=r"127\.0\.0\.1:1"):
        writer.write(_numbers("any", range(2)))
    writer.close()


def _poll_until_it_raises(reader: KafkaReader, into: list[int]) -> None:
    for _ in range(100):
        batch = reader.poll(10, 0.2)
        into += map(int, batch.values()) if batch else []


def test_an_offset_out_of_range_is_lost_until_the_reader_is_moved(bus: KafkaBus, kafka: Any) -> None:
    topic = _topic(bus)
    writer = bus.writer()
    writer.write(_numbers(topic, range(20)))
    writer.flush()
    writer.close()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, 5)]).values():
        future.result(20)
    assert bus.state(topic).begin == {0: 5, 1: 0}
    reader = bus.reader(topic, start={0: 2, 1: 0})
    odd: list[int] = []
    for _ in range(2):  # told each time, and what the other partition gave is not lost with it
        with pytest.raises(PositionLost, match=rf"{topic} partition 0 at offset 2, but the broker keeps 5 to 10"):
            _poll_until_it_raises(reader, odd)
    reader.seek({0: 5})
    found: list[int] = []
    while len(found) + len(odd) < 15:
        batch = reader.poll(10, WAIT_S)
        assert batch is not None
        for partition, value in zip(batch.partition.tolist(), batch.values(), strict=True):
            (odd if partition else found).append(int(value))
    assert (found, odd) == (list(range(10, 20, 2)), list(range(1, 20, 2)))
    reader.close()


def test_transactions_leave_gaps_that_the_position_passes(bus: KafkaBus, kafka: Any) -> None:
    """Aborted records are not seen; control records have offsets, so the end is reached though nothing is read there."""
    topic = _topic(bus, 1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions(WAIT_S)
    for number, commit in enumerate((True, False, True, False)):
        producer.begin_transaction()
        for at in range(3):
            producer.produce(topic, b"%d" % (number * 3 + at), partition=0)
        producer.flush()
        producer.commit_transaction(WAIT_S) if commit else producer.abort_transaction(WAIT_S)
    reader = bus.reader(topic)
    end = reader.end()
    assert end == {0: 16}
    offsets: list[int] = []
    deadline_s = time.monotonic() + WAIT_S
    while reader.position() != end:
        assert time.monotonic() < deadline_s, reader.position()
        batch = reader.poll(2, 0.2)
        offsets += batch.offset.tolist() if batch else []
    assert offsets == [0, 1, 2, 8, 9, 10]
    reader.seek({0: 3})
    batch = reader.poll(2, WAIT_S)
    assert batch is not None
    assert batch.offset.tolist() == [8, 9]
    assert reader.position() == {0: 10}
    reader.close()


def test_a_topic_made_anew_has_another_identity(bus: KafkaBus, kafka: Any) -> None:
    topic = _topic(bus)
    before, cluster = bus.topic_identity(topic), bus.identity()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_topics([topic], operation_timeout=20).values():
        future.result(20)
    deadline_s = time.monotonic() + WAIT_S
    while not bus.create([TopicSettings(topic, 2, compacted=False)]):
        assert time.monotonic() < deadline_s
    assert bus.topic_identity(topic) != before
    assert bus.identity() == cluster


def test_lag_tools_see_where_a_reader_is(bus: KafkaBus, kafka: Any) -> None:
    from confluent_kafka import Consumer

    topic = _topic(bus, 1)
    writer = bus.writer()
    writer.write(Records(topic, [0] * 5, [b""] * 5, [b"v"] * 5))
    writer.flush()
    writer.close()
    reader = bus.reader(topic)
    while reader.position() != {0: 5}:
        assert reader.poll(10, WAIT_S) is not None
    reader.commit()
    watcher = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "trademaster"})
    deadline_s = time.monotonic() + WAIT_S
    while watcher.committed([TopicPartition(topic, 0)], timeout=10)[0].offset != 5:
        assert time.monotonic() < deadline_s
    watcher.close()
    reader.close()
