"""A real InfluxDB 1.8 for tests: what does not move to 2 takes our writes too."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from tests.servers import docker_answers, must_not_skip
from tests.servers.container import Container
from tests.servers.influxdb_install import INFLUXDB_1, influxd
from tests.servers.process import Process
from tests.servers.server import Server, answers_ok, free_ports

_SETTINGS = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
dir = "{data}/meta"
[data]
dir = "{data}/data"
wal-dir = "{data}/wal"
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
flux-enabled = true
log-enabled = false
"""


class Influx1Server(Server):
    """InfluxDB 1.8 on ports of its own, without users. Its writes are ``/api/v2/write?bucket=DATABASE`` or ``/write?db=DATABASE``.

    Args:
        data: its folder, which outlives it; None: a temporary one.
        program: the path of influxd; None: a container.
    """

    def __init__(self, data: Path | None = None, *, program: Path | None) -> None:
        super().__init__(data, "influxdb1", in_container=program is None)
        self.take_ports()
        if program is None or self.data is None:
            settings = {"INFLUXDB_REPORTING_DISABLED": "true", "INFLUXDB_HTTP_FLUX_ENABLED": "true"}
            self.program = Container(f"influxdb:{INFLUXDB_1.version}", lambda: (self._port, 8086), lambda: settings)
        else:
            words = ["env", f"HOME={self.data}", str(program), "run", "-config", str(self.data / "influxdb.conf")]
            self.program = Process(lambda: words, self.data / "server.out")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def new_database(self) -> str:
        """The name of an empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.series("", f"CREATE DATABASE {name}")
        return name

    def series(self, database: str, influxql: str) -> list[dict[str, Any]]:
        """What a query answers: series, each with ``name``, ``columns`` and ``values``."""
        body = urllib.parse.urlencode({"db": database, "q": influxql, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"{self.url}/query", body, timeout=20) as answer:
            found: list[dict[str, Any]] = json.load(answer)["results"][0].get("series", [])
        return found

    def prepare(self) -> None:
        if self.data is not None:
            text = _SETTINGS.format(data=self.data, port=self._port, rpc_port=self._rpc_port)
            (self.data / "influxdb.conf").write_text(text)

    def ready(self) -> bool:
        return answers_ok(f"{self.url}/ping")

    def take_ports(self) -> None:
        self._port, self._rpc_port = free_ports(2)


def own_server(data: Path | None = None) -> Influx1Server:
    """An InfluxDB 1.8 of one's own, not yet started: by Docker if its engine answers, else by the program built once.

    Raises:
        ServerMissing: neither is there; the message says what to do.
    """
    return Influx1Server(data, program=None if docker_answers() else influxd(INFLUXDB_1, build=must_not_skip()))
