"""What is downloaded or built once and kept in the cache folder, whoever asks for it at the same time."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.servers import cache_folder

_LOOK_AGAIN_SECONDS = 0.2


def kept(name: str, make: Callable[[Path], Path], *, wait_seconds: float) -> Path:
    """The file or folder of this name in the cache, made at the first call.

    Args:
        name: with its version, for what has the name is never made again.
        make: gets an empty folder, and returns what stands in it under this name once it is complete.
        wait_seconds: for another process that is making it.

    Raises:
        TimeoutError: another process was still making it.
    """
    home = cache_folder() / name
    if home.exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{name}.lock").open("w") as lock:
        if not _locked(lock, wait_seconds):
            raise TimeoutError(f"{home} was still being made after {wait_seconds:g} s")
        if not home.exists():
            with _beside(home) as work:
                make(work).rename(home)
    return home


def is_being_made(name: str) -> bool:
    """Whether a process holds the lock of what is kept under this name."""
    try:
        with (cache_folder() / f"{name}.lock").open("r") as lock:
            return not _locked(lock, 0)
    except FileNotFoundError:
        return False


def _locked(lock: IO[str], wait_seconds: float) -> bool:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return True


@contextmanager
def _beside(home: Path) -> Iterator[Path]:
    """A folder on the same file system, so that a rename makes what is complete appear at once."""
    work = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
