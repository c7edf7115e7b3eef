"""The test servers themselves: what was delivered outlives a kill, and a frozen broker does not answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.conftest import KafkaAddress
from tests.servers import docker_answers
from tests.servers.kafka import Broker


def _write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(15)
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(15) == 0
    assert not failures


def _read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() or b"" for message in consumer.consume(count, timeout=20)]
    finally:
        consumer.close()


def test_the_shared_broker_gives_back_what_was_written(kafka: KafkaAddress) -> None:
    topic = f"shared-{uuid.uuid4().hex}"
    _write(kafka.bootstrap, topic, [b"a", b"b"])
    assert _read(kafka.bootstrap, topic, 2) == [b"a", b"b"]


def test_what_was_delivered_outlives_a_kill_on_the_same_address(own_kafka: Broker) -> None:
    before = own_kafka.bootstrap
    _write(before, "kept", [b"a", b"b"])
    own_kafka.restart(hard=True)
    assert own_kafka.bootstrap == before
    assert _read(before, "kept", 2) == [b"a", b"b"]


def test_a_frozen_broker_answers_nothing_until_it_goes_on(own_kafka: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": own_kafka.bootstrap, "log_level": 0})
    own_kafka.pause()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=1)
    own_kafka.resume()
    assert admin.list_topics(timeout=30).brokers


@pytest.mark.kafka
def test_a_broker_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    if os.environ.get("TRADEMASTER_TEST_KAFKA") or docker_answers():
        pytest.skip("only a broker started from jars ends with its parent")
    code = "import sys, pathlib; from tests.servers.kafka import KafkaServer; s = KafkaServer(pathlib.Path(sys.argv[1]), heap='256m'); "
    code += "s.start(); print(s.pid, flush=True); input()"
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    broker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 20
    while _runs(broker):
        assert time.monotonic() < deadline, f"broker {broker} still runs"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether a process is there and not a zombie that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or ") Z" not in Path(f"/proc/{pid}/stat").read_text()
