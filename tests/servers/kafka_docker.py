"""The same broker in a container, for machines that have a Docker engine and `testcontainers` (optional) but no Java."""

from __future__ import annotations

from typing import Self

from testcontainers.core.container import DockerContainer

from tests.servers.kafka import free_ports, wait_until_ready
from tests.servers.kafka_install import KAFKA_VERSION

_STOP_SECONDS = 30


class DockerKafkaServer:
    """As `KafkaServer`: one broker on a port of its own, whose data outlives a stop or a kill."""

    def __init__(self) -> None:
        self._port, self._controller = free_ports(2)
        self._created = False
        # The listener has the same port inside and outside: the broker also talks to itself by its advertised address.
        self._container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_bind_ports(self._port, self._port)
        for name, value in self._settings().items():
            self._container.with_env(name, value)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, and return when it has taken a first idempotent delivery."""
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True
        wait_until_ready(self.bootstrap, alive=self._alive)

    def stop(self) -> None:
        """Shut down in order, at last by force."""
        self._container.get_wrapped_container().stop(timeout=_STOP_SECONDS)

    def kill(self) -> None:
        """End at once, as a crash would."""
        self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        """Freeze the broker: connections stay open and nothing answers."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._container.get_wrapped_container().unpause()

    def restart(self, *, hard: bool = False) -> None:
        """Down and up again on the same port and data; ``hard`` kills instead of stopping."""
        self.kill() if hard else self.stop()
        self.start()

    def close(self) -> None:
        """Remove the container and its data."""
        if self._created:
            self._container.stop(force=True, delete_volume=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _alive(self) -> bool:
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status == "running")

    def _settings(self) -> dict[str, str]:
        return {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@127.0.0.1:{self._controller}",
            "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{self._port},CONTROLLER://127.0.0.1:{self._controller}",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self._port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_BROKER_SESSION_TIMEOUT_MS": "4000",
            "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
            "KAFKA_LOG_INITIAL_TASK_DELAY_MS": "500",
            "KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS": "1000",
            "KAFKA_LOG_CLEANER_BACKOFF_MS": "500",
            "KAFKA_LOG_SEGMENT_DELETE_DELAY_MS": "1000",
        }
