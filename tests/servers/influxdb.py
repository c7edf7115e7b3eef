"""A real InfluxDB 2 for tests.

``python -m tests.servers.influxdb`` starts one, prints its address and token as JSON and runs until its stdin closes.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import urllib.error
import urllib.request
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.servers import docker_answers, must_not_skip
from tests.servers.container import Container
from tests.servers.influxdb_install import INFLUXDB_2, influxd
from tests.servers.process import Process
from tests.servers.server import Server, answers_ok, free_ports, hold, wait_until

_ORG = "trademaster"
_TOKEN = "token-of-tests"
_SETTINGS = ("--reporting-disabled", "--log-level", "warn")


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """A running InfluxDB that tests share: make a bucket of your own.

    Attributes:
        url: ``http://host:port``.
        org: organisation that buckets belong to.
        token: that may do all.
    """

    url: str
    org: str
    token: str

    def new_bucket(self) -> str:
        """The name of an empty bucket without retention."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        org_id = self.ask("GET", f"/api/v2/orgs?org={self.org}")["orgs"][0]["id"]
        self.ask("POST", "/api/v2/buckets", {"orgID": org_id, "name": name, "retentionRules": []})
        return name

    def rows(self, flux: str) -> list[dict[str, str]]:
        """All rows that a query answers, of all its tables, by the names of their columns.

        Raises:
            urllib.error.HTTPError: it refused the query.
        """
        text = self._send("POST", f"/api/v2/query?org={self.org}", {"query": flux, "type": "flux", "dialect": {"annotations": []}})
        tables = [table for table in text.decode().split("\r\n\r\n") if table.strip()]
        rows = [row for table in tables for row in csv.DictReader(io.StringIO(table.lstrip()))]
        return [{name: value for name, value in row.items() if name not in {"", "result", "table"}} for row in rows]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the server answers to a JSON request; None if nothing.

        Raises:
            urllib.error.HTTPError: it refused.
        """
        text = self._send(method, path, body)
        return json.loads(text) if text else None

    def _send(self, method: str, path: str, body: object) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method), timeout=20) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            error.add_note(error.read().decode(errors="replace")[:2000])
            raise


class InfluxServer(Server):
    """InfluxDB on a port of its own, set up with an organisation and a token that may do all.

    Args:
        data: its folder, which outlives it; None: a temporary one.
        program: the path of influxd; None: a container.
    """

    def __init__(self, data: Path | None = None, *, program: Path | None) -> None:
        super().__init__(data, "influxdb", in_container=program is None)
        self.take_ports()
        if program is None or self.data is None:
            self.program = Container(f"influxdb:{INFLUXDB_2.version}", lambda: (self._port, 8086), arguments=("influxd", "run", *_SETTINGS))
        else:
            self._influxd = program
            self.program = Process(self._command, self.data / "server.out")

    @property
    def address(self) -> InfluxAddress:
        return InfluxAddress(f"http://127.0.0.1:{self._port}", _ORG, _TOKEN)

    def ready(self) -> bool:
        return answers_ok(f"{self.address.url}/health")

    def take_ports(self) -> None:
        (self._port,) = free_ports(1)

    def first_ready(self) -> None:
        setup = {"username": "tests", "password": uuid.uuid4().hex, "org": _ORG, "bucket": "first", "token": _TOKEN}
        self.address.ask("POST", "/api/v2/setup", {**setup, "retentionPeriodSeconds": 0})

    def _command(self) -> list[str]:
        folder = self.data
        assert folder is not None
        # Its home is its folder: it looks there for settings, and writes a cache.
        places = [f"--bolt-path={folder}/influxd.bolt", f"--engine-path={folder}/engine", f"--sqlite-path={folder}/influxd.sqlite"]
        run = [str(self._influxd), "run", f"--http-bind-address=127.0.0.1:{self._port}", *places, *_SETTINGS]
        return ["env", f"HOME={folder}", *run]


def given() -> InfluxAddress | None:
    """The server that the environment names: it is set up, and its token may make buckets."""
    url = os.environ.get("TRADEMASTER_TEST_INFLUXDB")
    if not url:
        return None
    org = os.environ.get("TRADEMASTER_TEST_INFLUXDB_ORG", _ORG)
    address = InfluxAddress(url.rstrip("/"), org, os.environ.get("TRADEMASTER_TEST_INFLUXDB_TOKEN", ""))
    wait_until(lambda: answers_ok(f"{address.url}/health"), what=f"InfluxDB at {url}")
    return address


def own_server(data: Path | None = None) -> InfluxServer:
    """A server of one's own, not yet started: by Docker if its engine answers, else by the program built once.

    Raises:
        ServerMissing: neither is there; the message says what to do.
    """
    return InfluxServer(data, program=None if docker_answers() else influxd(INFLUXDB_2, build=must_not_skip()))


if __name__ == "__main__":
    sys.exit(hold(own_server, lambda server: json.dumps(asdict(server.address))))
