"""A server's program as a plain process on this machine, which ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

_SHUTDOWN_SECONDS = 30.0

# A pipe from us stays open while we live: when it closes, however we died, the server's process group ends.
_END_WITH_PARENT = 'exec 3<&0; (read -r _ <&3; kill -KILL 0) & exec "$@" </dev/null 3<&-'


class Process:
    """A program that may be started again after each end.

    Args:
        command: gives the words to start it with, asked at each start.
        output: the file that its stdout and stderr are added to.
    """

    def __init__(self, command: Callable[[], Sequence[str]], output: Path) -> None:
        self._command = command
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Also its process group; None while it is down."""
        return self._process.pid if self._process is not None else None

    def up(self) -> None:
        """Start it; not ready before its port answers."""
        with self._output.open("ab") as output:
            command = ["sh", "-c", _END_WITH_PARENT, "sh", *self._command()]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End in order (SIGTERM), at last by force."""
        self.end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once (SIGKILL of the process group), as a crash would."""
        self.end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def end(self, number: signal.Signals) -> None:
        """Send the signal and wait until the process is gone, at last by force."""
        if self._process is None:
            return
        self._send(number)
        try:
            self._process.wait(_SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            self._process.wait(_SHUTDOWN_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def close(self) -> None:
        self.kill()

    def said(self) -> str:
        """The end of its output."""
        return self._output.read_text(errors="replace")[-2000:] if self._output.exists() else ""

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self.alive():
            os.killpg(self._process.pid, number)
