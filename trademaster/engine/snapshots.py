"""State between epochs: what is large lies in files beside the engine's store, which keeps only their names.

The engine pickles every snapshot into SQLite while the sources wait: 10 MB hold them for 100 ms. A file of the same size is
written in a few. A file is written whole before its name enters the store, so a name that is there always has its file.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from schemas.errors import RecoveryError

INLINE_BYTES = 32 * 1024
"""A smaller state goes into the engine's own store."""

KEPT = 3
"""Files kept of each key: the epoch being closed, the one committed before it, and one to spare."""


class SnapshotFiles:
    """Saves and loads the states of one process's steps. Several processes share the folder; a key has one owner at a time."""

    def __init__(self, folder: Path | None, saved: Callable[[str, int, float], None] = lambda *_: None) -> None:
        """``folder`` None keeps all inline; ``saved`` is told of each step's states: size in bytes, seconds that this one took."""
        self._folder = folder
        self._saved = saved
        self._sizes: dict[str, dict[str, int]] = {}
        self._run = uuid.uuid4().hex[:8]
        self._count = 0
        self._files: dict[str, list[Path]] = {}
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def save(self, step_id: str, key: str, state: Any) -> Any:
        """Keep a state; the result is small and names it."""
        started = perf_counter()
        if self._folder is None or _blob_bytes(state) <= INLINE_BYTES:
            blob = pickle.dumps(state, protocol=5)
            saved: dict[str, Any] = {"blob": blob}
            size = len(blob)
        else:
            path, size = self._write(self._folder, f"{step_id}@{key}", state)
            saved = {"file": path.name}
        sizes = self._sizes.setdefault(step_id, {})
        sizes[key] = size
        self._saved(step_id, sum(sizes.values()), perf_counter() - started)
        return saved

    def _write(self, folder: Path, name: str, state: Any) -> tuple[Path, int]:
        """A new file, over the pages of the oldest, which nobody needs any more: the system has them at hand."""
        self._count += 1
        path = folder / f"{name}@{self._run}-{self._count}"
        kept = self._files.setdefault(name, [])
        if len(kept) == KEPT:
            kept.pop(0).rename(path)
        kept.append(path)
        with path.open("r+b" if path.exists() else "wb") as file:
            pickle.dump(state, file, protocol=5)
            return path, file.truncate()

    def load(self, step_id: str, key: str, saved: Any) -> Any:
        """The state of that name. What a killed run left beside it is removed.

        Raises:
            RecoveryError: the file is gone, which nobody but a person can have done.
        """
        if "blob" in saved:
            return pickle.loads(saved["blob"])
        assert self._folder is not None
        path = self._folder / saved["file"]
        try:
            blob = path.read_bytes()
        except FileNotFoundError:
            raise RecoveryError(
                f"expected the state of {step_id}, shard {key}, in {path}; the file is missing",
                hint="restore the recovery folder from a backup, or start with an empty one (the run then begins again)",
            ) from None
        for other in self._folder.glob(f"{step_id}@{key}@*"):
            if other != path:
                other.unlink(missing_ok=True)
        self._files[f"{step_id}@{key}"] = [path]
        return pickle.loads(blob)


def _blob_bytes(state: Any) -> int:
    """Bytes in the large parts of a state."""
    if isinstance(state, dict):
        return sum(map(_blob_bytes, state.values()))
    return len(state) if isinstance(state, bytes) else 0
