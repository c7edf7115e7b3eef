"""A real Apache Kafka broker for tests, benchmarks and developers.

``python -m tests.servers.kafka [--port-file FILE] [--data FOLDER] [--heap 1g]`` starts one, prints its bootstrap address and
runs until SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.servers import ServerMissing, docker_answers
from tests.servers.container import Container
from tests.servers.kafka_install import KAFKA_VERSION, jars
from tests.servers.process import Process
from tests.servers.server import READY_SECONDS, Server, free_ports

KILLED_SESSION_MS = 4_000
"""For how long a controller waits for a silent broker: a killed one may not come back before."""
STEADY_SESSION_MS = 60_000
"""For brokers that nobody kills: a machine that is busy keeps one silent for seconds, and its partitions would lose their leader."""

# Small internal topics; and log keeping that acts within seconds, so that tests of retention and compaction need not wait minutes.
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": str(KILLED_SESSION_MS),
    "broker.heartbeat.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.retention.check.interval.ms": "1000",
    "log.cleaner.backoff.ms": "500",
    "log.segment.delete.delay.ms": "1000",
}

_CLUSTER_ID = "dHJhZGVtYXN0ZXItdGVzdA"


class Broker(Server):
    """One broker on ports of its own.

    Attributes:
        bootstrap: its address, ``host:port``; the same after each restart.
    """

    def __init__(self, data: Path | None, *, in_container: bool = False) -> None:
        super().__init__(data, "kafka", in_container=in_container)
        self.take_ports()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    def ready(self) -> bool:
        wait_until_ready(self.bootstrap, alive=self.program.alive)
        return True

    def take_ports(self) -> None:
        self._port, self._controller = free_ports(2)


class KafkaServer(Broker):
    """A broker as a plain process.

    Args:
        data: the folder with its log and its output (``server.out``); None: a temporary one.
        heap: of its Java.
        session_ms: KILLED_SESSION_MS, or STEADY_SESSION_MS where nobody will kill it.
    """

    data: Path

    def __init__(self, data: Path | None = None, *, heap: str = "1g", session_ms: int = KILLED_SESSION_MS) -> None:
        self._jars = jars()
        super().__init__(data)
        self._session_ms = session_ms
        self._heap = heap
        self.program: Process = Process(lambda: self._java(self._heap, "kafka.Kafka"), self.data / "server.out")

    @property
    def pid(self) -> int | None:
        """The broker's process, None while it is down."""
        return self.program.pid

    def prepare(self) -> None:
        """At each start: data kept from an earlier server comes up on the ports of this one."""
        properties = {**_PROPERTIES, **_addresses(self._port, self._controller, "127.0.0.1"), "log.dirs": f"{self.data}/log"}
        properties["broker.session.timeout.ms"] = str(self._session_ms)
        (self.data / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        if not (self.data / "log").exists():
            self._format()

    def _format(self) -> None:
        with (self.data / "server.out").open("ab") as output:
            command = self._java("256m", "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c")
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=READY_SECONDS, check=False)

    def _java(self, heap: str, main: str, *arguments: str) -> list[str]:
        options = [f"-Xmx{heap}", f"-Xms{min(heap, '512m', key=_heap_size)}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return ["java", *options, "-cp", f"{self._jars}/*", main, *arguments, str(self.data / "server.properties")]


class DockerKafkaServer(Broker):
    """The same broker in a container."""

    def __init__(self) -> None:
        super().__init__(None, in_container=True)
        # The listener has the same port inside and outside: the broker also talks to itself by its advertised address.
        self.program = Container(f"apache/kafka:{KAFKA_VERSION}", lambda: (self._port, self._port), self._environment)

    def _environment(self) -> dict[str, str]:
        properties = {**_PROPERTIES, **_addresses(self._port, self._controller, "0.0.0.0")}
        return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in properties.items()}


def _addresses(port: int, controller: int, listen: str) -> dict[str, str]:
    return {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://{listen}:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
    }


def own_server(data: Path | None = None, *, heap: str = "1g", session_ms: int = KILLED_SESSION_MS) -> Broker:
    """A broker of one's own, not yet started, by Docker if its engine answers, else by Maven's jars.

    Args:
        data: its folder, which outlives it; None: a temporary one.
        heap: of its Java.
        session_ms: KILLED_SESSION_MS, or STEADY_SESSION_MS where nobody will kill it.

    Raises:
        ServerMissing: neither is there; the message says what to do.
    """
    return DockerKafkaServer() if docker_answers() else KafkaServer(data, heap=heap, session_ms=session_ms)


def wait_until_ready(bootstrap: str, *, alive: Callable[[], bool] = lambda: True, seconds: float = READY_SECONDS) -> None:
    """Return when the broker took an idempotent delivery: its port opens seconds earlier.

    Raises:
        TimeoutError: it died, or took longer than ``seconds``.
    """
    deadline = time.monotonic() + seconds
    _wait_for_port(bootstrap, alive, deadline)
    quiet: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200}
    topic = f"ready-{uuid.uuid4().hex[:8]}"
    admin = AdminClient(quiet)
    producer = Producer({**quiet, "enable.idempotence": True, "message.timeout.ms": 5000})
    while not (_create(admin, topic) and _deliver(producer, topic)):
        if not alive():
            raise TimeoutError("the broker's process ended")
        if time.monotonic() > deadline:
            raise TimeoutError(f"no delivery within {seconds} s")
    admin.delete_topics([topic], operation_timeout=5)[topic].result(6)


def _create(admin: AdminClient, topic: str) -> bool:
    try:
        admin.create_topics([NewTopic(topic, 1, 1)], request_timeout=5)[topic].result(6)
    except KafkaException as error:
        return bool(error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS)
    except TimeoutError:
        return False
    return True


def _deliver(producer: Producer, topic: str) -> bool:
    delivered: list[bool] = []
    producer.produce(topic, b"ready", on_delivery=lambda error, _: delivered.append(error is None))
    producer.flush(6)
    return any(delivered)


def _wait_for_port(bootstrap: str, alive: Callable[[], bool], deadline: float) -> None:
    """Cheaper than letting librdkafka back off: a refused connection is tried again in 50 ms."""
    host, _, port = bootstrap.rpartition(":")
    while alive() and time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _heap_size(text: str) -> int:
    return int(text[:-1]) << {"k": 10, "m": 20, "g": 30}[text[-1]]


def main(arguments: list[str] | None = None) -> int:
    """Run one broker in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.kafka", description=f"Run Apache Kafka {KAFKA_VERSION} until SIGTERM.")
    parser.add_argument("--port-file", type=Path, help="write the bootstrap address here once the broker is ready")
    parser.add_argument("--data", type=Path, help="keep its data in this folder (default: a temporary one)")
    parser.add_argument("--heap", default="1g", help="Java heap, such as 512m or 1g")
    options = parser.parse_args(arguments)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        server = own_server(options.data, heap=options.heap)
    except ServerMissing as error:
        print(f"{error}", file=sys.stderr)
        return 1
    try:
        server.start()
        print(server.bootstrap, flush=True)
        if options.port_file:
            beside = options.port_file.with_suffix(".part")
            beside.write_text(server.bootstrap)
            beside.rename(options.port_file)
        over.wait()
        server.stop()
    finally:
        server.close()
    if options.port_file:
        options.port_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
