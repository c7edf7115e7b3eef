"""A server's program in a container, for machines that have a Docker engine but not the program."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence

_START_SECONDS = 600.0
"""The first start pulls the image."""
_STOP_SECONDS = 30


class Container:
    """As `Process`: it may be started again after each end, and keeps its data until it is closed.

    Args:
        image: with its tag.
        ports: gives the port on this machine and the one inside, asked at the first start.
        environment: of its program, asked at the first start.
        arguments: of its program.
    """

    def __init__(
        self,
        image: str,
        ports: Callable[[], tuple[int, int]],
        environment: Callable[[], Mapping[str, str]] = dict,
        arguments: Sequence[str] = (),
    ) -> None:
        self._image = image
        self._ports = ports
        self._environment = environment
        self._arguments = arguments
        self._id = ""

    def up(self) -> None:
        if self._id:
            _docker("start", self._id)
        else:
            self._id = _docker(*self.run_words()).strip()

    def run_words(self) -> list[str]:
        """What makes the container."""
        outside, inside = self._ports()
        settings = [word for name, value in self._environment().items() for word in ("--env", f"{name}={value}")]
        return ["run", "--detach", "--publish", f"127.0.0.1:{outside}:{inside}", *settings, self._image, *self._arguments]

    def alive(self) -> bool:
        return bool(self._id) and _docker("inspect", "--format", "{{.State.Running}}", self._id).strip() == "true"

    def stop(self) -> None:
        if self.alive():
            _docker("stop", "--time", str(_STOP_SECONDS), self._id)

    def kill(self) -> None:
        if self.alive():
            _docker("kill", self._id)

    def pause(self) -> None:
        _docker("pause", self._id)

    def resume(self) -> None:
        _docker("unpause", self._id)

    def close(self) -> None:
        if self._id:
            _docker("rm", "--force", "--volumes", self._id)
            self._id = ""

    def said(self) -> str:
        return _docker("logs", "--tail", "40", self._id)[-2000:] if self._id else ""


def _docker(*words: str) -> str:
    ran = subprocess.run(["docker", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_START_SECONDS, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"`docker {words[0]}` failed: {ran.stderr.strip()}")
    return ran.stdout
