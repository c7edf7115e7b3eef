"""A real PostgreSQL for tests.

``python -m tests.servers.postgres`` starts one, prints its URL and runs until its stdin closes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers import ServerMissing, docker_answers
from tests.servers.container import Container
from tests.servers.process import Process
from tests.servers.server import Server, free_ports, hold, wait_until

_USER = "trademaster"
_VERSION = "15"
_HOW_TO_GET = (
    "set TRADEMASTER_TEST_POSTGRES=postgresql://user@host:port/database (a user who may create databases), "
    "or start Docker, or install its server (Debian: apt-get install postgresql)"
)

# Tests kill it on purpose, and what a crash may lose is theirs to see; only the wait for the disk is left out.
_SETTINGS = {"fsync": "off", "listen_addresses": "127.0.0.1", "max_connections": "50", "shared_buffers": "32MB"}


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A running PostgreSQL that tests share: make a database of your own.

    Attributes:
        url: ``postgresql://user@host:port/database``.
    """

    url: str

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name}")
        return f"{self.url.rpartition('/')[0]}/{name}"

    def run(self, statement: str) -> None:
        """Run one statement, without its rows.

        Raises:
            OSError: nobody answers.
            RuntimeError: the server refuses; the message is its own.
        """
        _query(self.url, statement)


class PostgresServer(Server):
    """PostgreSQL on a port of its own, with a superuser who needs no password.

    Args:
        data: its folder, which outlives it; None: a temporary one.
        programs: the folder of initdb and postgres; None: a container.
    """

    def __init__(self, data: Path | None = None, *, programs: Path | None) -> None:
        super().__init__(data, "postgres", in_container=programs is None)
        self.take_ports()
        if programs is None or self.data is None:
            settings = {"POSTGRES_USER": _USER, "POSTGRES_HOST_AUTH_METHOD": "trust"}
            self.program = Container(f"postgres:{_VERSION}", lambda: (self._port, 5432), lambda: settings)
        else:
            self._programs = programs
            self.program = _Postmaster(self._command, self.data / "server.out")

    @property
    def address(self) -> PostgresAddress:
        return PostgresAddress(f"postgresql://{_USER}@127.0.0.1:{self._port}/{_USER}")

    def prepare(self) -> None:
        if self.data is None or (self.data / "base").exists():
            return
        options = ["-D", str(self.data / "base"), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        initdb = [*_as_somebody(self.data), str(self._programs / "initdb"), *options]
        ran = subprocess.run(initdb, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"initdb failed: {ran.stderr[-2000:]}")

    def ready(self) -> bool:
        """It refuses everybody while it recovers from a kill."""
        try:
            _query(self.address.url.rpartition("/")[0] + "/postgres", "SELECT 1")
        except (OSError, RuntimeError):
            return False
        return True

    def first_ready(self) -> None:
        if self.data is not None:  # the container makes its user's database by itself
            _query(self.address.url.rpartition("/")[0] + "/postgres", f"CREATE DATABASE {_USER}")

    def take_ports(self) -> None:
        (self._port,) = free_ports(1)

    def _command(self) -> list[str]:
        folder = self.data
        assert folder is not None
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        run = [str(self._programs / "postgres"), "-D", str(folder / "base"), "-p", str(self._port), "-k", str(folder), *settings]
        return [*_as_somebody(folder), *run]


class _Postmaster(Process):
    """It takes SIGTERM as "when the last client has gone"; SIGINT ends sessions."""

    def stop(self) -> None:
        self.end(signal.SIGINT)


def _as_somebody(folder: Path) -> list[str]:
    """PostgreSQL refuses root: words that run it as a user without rights, who then owns the folder."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres" if any(each.pw_name == "postgres" for each in pwd.getpwall()) else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _query(url: str, text: str) -> None:
    """Run one statement by the protocol itself, so that readiness needs no client library."""
    parts = urlsplit(url)
    if parts.password:
        raise RuntimeError("TRADEMASTER_TEST_POSTGRES: tests log in without a password; let the server trust its user")
    names = f"user\0{parts.username or _USER}\0database\0{parts.path.lstrip('/')}\0\0".encode()
    with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5432), timeout=10) as connection:
        connection.sendall(struct.pack("!ii", len(names) + 8, 196608) + names)
        _read_until_ready(connection)
        statement = text.encode() + b"\0"
        connection.sendall(b"Q" + struct.pack("!i", len(statement) + 4) + statement)
        _read_until_ready(connection)
        connection.sendall(b"X" + struct.pack("!i", 4))


def _read_until_ready(connection: socket.socket) -> None:
    """Read messages up to ReadyForQuery (Z); an ErrorResponse (E) is raised."""
    with connection.makefile("rb") as stream:
        while True:
            head = stream.read(5)
            if len(head) < 5:
                raise OSError("PostgreSQL closed the connection")
            body = stream.read(struct.unpack("!i", head[1:])[0] - 4)
            if head[:1] == b"E":
                raise RuntimeError(body.replace(b"\0", b" ").decode(errors="replace"))
            if head[:1] == b"Z":
                return


def _programs() -> Path:
    """Debian keeps the server's programs out of PATH, a folder a version."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerMissing(f"PostgreSQL is not installed; {_HOW_TO_GET}")


def given() -> PostgresAddress | None:
    """The server that the environment names."""
    url = os.environ.get("TRADEMASTER_TEST_POSTGRES")
    if not url:
        return None

    def ready() -> bool:
        try:
            _query(url, "SELECT 1")
        except OSError:
            return False
        return True

    wait_until(ready, what="PostgreSQL of TRADEMASTER_TEST_POSTGRES")
    return PostgresAddress(url)


def own_server(data: Path | None = None) -> PostgresServer:
    """A server of one's own, not yet started: by Docker if its engine answers, else by the installed programs.

    Raises:
        ServerMissing: neither is there; the message says what to do.
    """
    return PostgresServer(data, programs=None if docker_answers() else _programs())


if __name__ == "__main__":
    sys.exit(hold(own_server, lambda server: server.address.url))
