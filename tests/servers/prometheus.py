"""A real Prometheus, and a VictoriaMetrics that answers the same queries, for tests."""

from __future__ import annotations

import json
import os
import shutil
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import ServerMissing, docker_answers
from tests.servers.container import Container
from tests.servers.process import Process
from tests.servers.server import Server, answers_ok, free_ports, wait_until

_VICTORIA_IMAGE = "victoriametrics/victoria-metrics:v1.79.5"


@dataclass(frozen=True, slots=True)
class PromqlAddress:
    """A server that answers PromQL.

    Attributes:
        url: ``http://host:port``.
    """

    url: str

    def rows(self, promql: str, *, at_s: float | None = None) -> list[dict[str, Any]]:
        """The instant vector that a query answers: each its labels (``metric``) and ``value``.

        Args:
            at_s: the moment asked about, Unix seconds; None: now.

        Raises:
            urllib.error.HTTPError: it refused the query.
        """
        parameters = {"query": promql, **({} if at_s is None else {"time": str(at_s)})}
        found: list[dict[str, Any]] = self.ask(f"/api/v1/query?{urllib.parse.urlencode(parameters)}")["data"]["result"]
        return found

    def ask(self, path: str) -> Any:
        """What the server answers to a GET, from JSON."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)


class PrometheusServer(Server):
    """Prometheus on a port of its own. It is a plain process only: it scrapes ports of this machine.

    Args:
        configuration: its YAML; rules may stand in its folder, by absolute paths.
        data: its folder, which outlives it; None: a temporary one.
    """

    data: Path

    def __init__(self, configuration: str, data: Path | None = None) -> None:
        self._program = _program("prometheus", "prometheus")
        super().__init__(data, "prometheus")
        self._configuration = configuration
        self.take_ports()
        self.program = Process(self._command, self.data / "server.out")

    @property
    def address(self) -> PromqlAddress:
        return PromqlAddress(f"http://127.0.0.1:{self._port}")

    def prepare(self) -> None:
        (self.data / "prometheus.yml").write_text(self._configuration)

    def ready(self) -> bool:
        return answers_ok(f"{self.address.url}/-/ready")

    def take_ports(self) -> None:
        (self._port,) = free_ports(1)

    def _command(self) -> list[str]:
        places = [f"--config.file={self.data}/prometheus.yml", f"--storage.tsdb.path={self.data}/tsdb"]
        return [self._program, *places, f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn"]


class VictoriaServer(Server):
    """VictoriaMetrics, which takes writes of InfluxDB's protocol at ``/api/v2/write`` and ``/write``.

    Args:
        program: its path; None: a container.
    """

    def __init__(self, data: Path | None = None, *, program: str | None) -> None:
        super().__init__(data, "victoria", in_container=program is None)
        self.take_ports()
        # What was written is found by queries at once, not half a minute later.
        settings = ["-search.latencyOffset=0s", "-search.disableCache", "-retentionPeriod=100y"]
        if program is None or self.data is None:
            self.program = Container(_VICTORIA_IMAGE, lambda: (self._port, 8428), arguments=settings)
        else:
            folder, path = self.data, program
            own = [path, f"-storageDataPath={folder}/data", *settings]
            self.program = Process(lambda: [*own, f"-httpListenAddr=127.0.0.1:{self._port}"], folder / "server.out")

    @property
    def address(self) -> PromqlAddress:
        return PromqlAddress(f"http://127.0.0.1:{self._port}")

    def ready(self) -> bool:
        return answers_ok(f"{self.address.url}/health")

    def take_ports(self) -> None:
        (self._port,) = free_ports(1)


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ServerMissing(f"there is no `{name}`; install it (Debian: apt-get install {package})")
    return path


def promtool() -> str:
    """The path of Prometheus's checker of rules and configurations.

    Raises:
        ServerMissing: it is not installed.
    """
    return _program("promtool", "prometheus")


def given_victoria() -> PromqlAddress | None:
    """The VictoriaMetrics that the environment names."""
    url = os.environ.get("TRADEMASTER_TEST_VICTORIAMETRICS")
    if not url:
        return None
    wait_until(lambda: answers_ok(f"{url.rstrip('/')}/health"), what=f"VictoriaMetrics at {url}")
    return PromqlAddress(url.rstrip("/"))


def own_victoria(data: Path | None = None) -> VictoriaServer:
    """A VictoriaMetrics of one's own, not yet started: by Docker if its engine answers, else the installed program.

    Raises:
        ServerMissing: neither is there; the message says what to do.
    """
    return VictoriaServer(data, program=None if docker_answers() else _program("victoria-metrics", "victoria-metrics"))
