"""A real Apache Kafka broker for tests, benchmarks and developers.

``python -m tests.servers.kafka [--port-file FILE] [--data FOLDER] [--heap 1g]`` starts one, prints its bootstrap address and
runs until SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.servers import ServerMissing, docker_answers
from tests.servers.kafka_install import KAFKA_VERSION, jars

_READY_SECONDS = 90.0
_SHUTDOWN_SECONDS = 30.0
_START_ATTEMPTS = 3

KILLED_SESSION_MS = 4_000
"""For how long a controller waits for a silent broker: a killed one may not come back before."""
STEADY_SESSION_MS = 60_000
"""For brokers that nobody kills: a machine that is busy keeps one silent for seconds, and its partitions would lose their leader."""

# Small internal topics; and log keeping that
# acts within seconds, so that tests of retention and compaction need not wait minutes.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms={session_ms}
broker.heartbeat.interval.ms=500
log.initial.task.delay.ms=500
log.retention.check.interval.ms=1000
log.cleaner.backoff.ms=500
log.segment.delete.delay.ms=1000
"""

_CLUSTER_ID = "dHJhZGVtYXN0ZXItdGVzdA"

# A pipe from us stays open while we live: when it closes, however we died, the broker's process group ends.
_END_WITH_PARENT = 'exec 3<&0; (read -r _ <&3; kill -KILL 0) & exec "$@" </dev/null 3<&-'


class KafkaServer:
    """One broker on ports of its own, whose data outlives a stop or a kill.

    Attributes:
        bootstrap: its address, ``host:port``; the same after each restart.
        data: the folder with its log and its output (``server.out``).
    """

    def __init__(self, data: Path | None = None, *, heap: str = "1g", session_ms: int = KILLED_SESSION_MS) -> None:
        self._jars = jars()
        self._session_ms = session_ms
        self._owns_data = data is None
        self.data = data if data is not None else Path(tempfile.mkdtemp(prefix="trademaster-kafka-"))
        self.data.mkdir(parents=True, exist_ok=True)
        self._heap = heap
        self._process: subprocess.Popen[bytes] | None = None
        self._port, self._controller = free_ports(2)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, None while it is down."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start, and return when it has taken a first idempotent delivery.

        Raises:
            RuntimeError: it did not come up; the message has the end of its output.
        """
        fresh = not (self.data / "log").exists()
        for attempt in range(_START_ATTEMPTS):
            self._configure()
            if fresh:
                self._format()
            self._spawn()
            try:
                wait_until_ready(self.bootstrap, alive=self._alive)
            except TimeoutError as error:
                collided = fresh and not self._alive() and attempt + 1 < _START_ATTEMPTS
                self.kill()
                if not collided:
                    raise RuntimeError(f"Kafka did not start: {error}; its output ends: {self._output_tail()}") from error
                # A port is only known to be free when it was looked for: somebody may have been quicker.
                shutil.rmtree(self.data / "log", ignore_errors=True)
                self._port, self._controller = free_ports(2)
            else:
                return

    def stop(self) -> None:
        """Shut down in order (SIGTERM), at last by force."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once (SIGKILL of the process group), as a crash would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the broker: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._signal(signal.SIGCONT)

    def restart(self, *, hard: bool = False) -> None:
        """Down and up again on the same port and data; ``hard`` kills instead of stopping."""
        self.kill() if hard else self.stop()
        self.start()

    def close(self) -> None:
        """End the broker and remove its data, unless the caller gave the folder."""
        self.kill()
        if self._owns_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _configure(self) -> None:
        """At each start: data kept from an earlier server comes up on the ports of this one."""
        properties = _PROPERTIES.format(port=self._port, controller=self._controller, data=self.data, session_ms=self._session_ms)
        (self.data / "server.properties").write_text(properties)

    def _format(self) -> None:
        with (self.data / "server.out").open("ab") as output:
            command = self._java("256m", "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c")
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=_READY_SECONDS, check=False)

    def _spawn(self) -> None:
        with (self.data / "server.out").open("ab") as output:
            command = ["sh", "-c", _END_WITH_PARENT, "sh", *self._java(self._heap, "kafka.Kafka")]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True)

    def _java(self, heap: str, main: str, *arguments: str) -> list[str]:
        options = [f"-Xmx{heap}", f"-Xms{min(heap, '512m', key=_heap_size)}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return ["java", *options, "-cp", f"{self._jars}/*", main, *arguments, str(self.data / "server.properties")]

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._alive():
            os.killpg(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(number)
        try:
            self._process.wait(_SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait(_SHUTDOWN_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _output_tail(self) -> str:
        return (self.data / "server.out").read_text(errors="replace")[-2000:]


class Broker(Protocol):
    """What a test may do with a broker, wherever it runs."""

    @property
    def bootstrap(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def restart(self, *, hard: bool = False) -> None: ...
    def close(self) -> None: ...


def own_server(data: Path | None = None, *, heap: str = "1g", session_ms: int = KILLED_SESSION_MS) -> Broker:
    """A broker of one's own, not yet started, by Docker if its engine answers, else by Maven's jars.

    Args:
        data: its folder, which outlives it; None: a temporary one.
        heap: of its Java.
        session_ms: KILLED_SESSION_MS, or STEADY_SESSION_MS where nobody will kill it.

    Raises:
        ServerMissing: neither is there; the message says what to do.
    """
    if docker_answers():
        try:
            from tests.servers.kafka_docker import DockerKafkaServer
        except ImportError:
            pass  # testcontainers is optional
        else:
            docker: Broker = DockerKafkaServer()
            return docker
    return KafkaServer(data, heap=heap, session_ms=session_ms)


def wait_until_ready(bootstrap: str, *, alive: Callable[[], bool] = lambda: True, seconds: float = _READY_SECONDS) -> None:
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


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all held until all are known, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


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
