"""What all test servers have in common: ports of their own, data that outlives a stop, and no start that is not ready."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self, TypeVar

from tests.servers import ServerMissing

READY_SECONDS = 90.0
_START_ATTEMPTS = 3


class Program(Protocol):
    """A server's program, wherever it runs: `Process` or `Container`."""

    def up(self) -> None: ...
    def alive(self) -> bool: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...
    def said(self) -> str: ...


class Server(ABC):
    """A server that one test or one session owns: it may stop, kill, freeze and restart it.

    Subclasses set ``program`` and say when it is ready. The address stays the same after each restart.

    Args:
        data: the folder with its data and its output, which outlives it; None: a temporary one.
        prefix: of a temporary folder's name.
        in_container: a container keeps its data; there is no folder.

    Attributes:
        program: what runs.
        data: the folder; None in a container.
    """

    program: Program

    def __init__(self, data: Path | None, prefix: str, *, in_container: bool = False) -> None:
        self._owns_data = data is None and not in_container
        if in_container:
            data = None
        elif data is None:
            data = Path(tempfile.mkdtemp(prefix=f"trademaster-{prefix}-"))
        else:
            data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self._fresh = data is None or not any(data.iterdir())

    @abstractmethod
    def ready(self) -> bool:
        """Whether it does its work, not only listens."""

    @abstractmethod
    def take_ports(self) -> None:
        """Choose ports: at first, and when somebody else was quicker."""

    def prepare(self) -> None:  # noqa: B027  (most have nothing to do)
        """What each start needs before the program runs."""

    def first_ready(self) -> None:  # noqa: B027
        """What is done when it has come up for the first time, without data from before."""

    def start(self) -> None:
        """Start, and return when it is ready.

        Raises:
            RuntimeError: it did not come up; the message has the end of its output.
        """
        for attempt in range(_START_ATTEMPTS):
            self.prepare()
            self.program.up()
            try:
                wait_until(self.ready, alive=self.program.alive, what=type(self).__name__)
            except TimeoutError as error:
                collided = self._fresh and not self.program.alive() and attempt + 1 < _START_ATTEMPTS
                said = self.program.said()
                self.program.close()
                if not collided:
                    raise RuntimeError(f"{error}; its output ends: {said}") from error
                self._start_over()
            else:
                break
        if self._fresh:
            self._fresh = False
            self.first_ready()

    def stop(self) -> None:
        """Shut down in order, at last by force."""
        self.program.stop()

    def kill(self) -> None:
        """End at once, as a crash would."""
        self.program.kill()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self.program.pause()

    def resume(self) -> None:
        """Let a frozen server go on."""
        self.program.resume()

    def restart(self, *, hard: bool = False) -> None:
        """Down and up again on the same port and data; ``hard`` kills instead of stopping."""
        self.kill() if hard else self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its data, unless the caller gave the folder."""
        self.program.close()
        if self._owns_data and self.data is not None:
            shutil.rmtree(self.data, ignore_errors=True)

    def _start_over(self) -> None:
        """A port is only known to be free when it was looked for."""
        if self.data is not None:
            shutil.rmtree(self.data)
            self.data.mkdir()
        self.take_ports()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


AnyServer = TypeVar("AnyServer", bound=Server)


def hold(own_server: Callable[[], AnyServer], address: Callable[[AnyServer], str]) -> int:
    """Run one server in the foreground until stdin closes, its address printed; the exit code."""
    try:
        server = own_server()
    except ServerMissing as error:
        print(error, file=sys.stderr)
        return 1
    with server:
        print(address(server), flush=True)
        sys.stdin.read()
    return 0


def wait_until(
    ready: Callable[[], bool],
    *,
    alive: Callable[[], bool] = lambda: True,
    seconds: float = READY_SECONDS,
    every_s: float = 0.05,
    what: str,
) -> None:
    """Ask again and again until it is so.

    Raises:
        TimeoutError: the program ended before, or it took longer.
    """
    deadline_s = time.monotonic() + seconds
    while not ready():
        if not alive():
            raise TimeoutError(f"{what}: the program ended before")
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{what}: not so after {seconds:g} s")
        time.sleep(every_s)


def answers_ok(url: str) -> bool:
    """Whether a GET of this address is answered by a status below 300."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status) < 300
    except (urllib.error.URLError, OSError):
        return False


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
