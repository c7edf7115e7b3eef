"""A lock between processes that is handed on in a fraction of a millisecond.

SQLite's own wait sleeps 1, 2, 5, 10, ... 100 ms between tries; behind this lock nobody has to. The system drops it when its
holder dies. Where there is no ``flock`` (Windows), SQLite's locks alone keep the file right, with longer waits.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import BusUnavailable

if sys.platform != "win32":
    import fcntl

_RETRY_S = 0.0002


class FileLock:
    """An advisory lock on a file that is made for it. Not re-entrant."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)

    def try_take(self) -> bool:
        """Take it if nobody else, in this process or another, has it."""
        if sys.platform != "win32":
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def release(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @contextmanager
    def held(self, patience_s: float, of: Path) -> Iterator[None]:
        """Hold it; ``of`` names what it guards, for the message.

        Raises:
            BusUnavailable: another holder did not let go of it in ``patience_s``.
        """
        deadline_s = None
        while not self.try_take():
            now_s = time.monotonic()
            deadline_s = now_s + patience_s if deadline_s is None else deadline_s
            if now_s >= deadline_s:
                raise BusUnavailable(
                    f"the embedded bus {of} was held by another process for more than {patience_s:g} s",
                    hint=f"find it with: fuser {self._path}; if it is stopped or hangs, end it",
                )
            time.sleep(_RETRY_S)
        try:
            yield
        finally:
            self.release()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
