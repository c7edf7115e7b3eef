"""The folder from which a run resumes: the engine's store, the files of large states, a manifest, a lock.

::

    recovery/
    ├── manifest.json    flows, bus, format: another set of flows is refused
    ├── lock             held by the supervisor and its workers: one run at a time
    ├── engine/          Bytewax's SQLite files
    └── state/           large states (trademaster/engine/snapshots.py)
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from schemas.errors import RecoveryError

FORMAT = 1
ENGINE_PARTS = 1
"""Files of the engine's store. Fixed for ever by the engine when the folder is made. Each brings what it got to the disk twice an epoch,
while the sources wait."""

LOCK_PATIENCE_S = 10.0


class RecoveryFolder:
    """Opened by the supervisor before any worker starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.engine = self.folder / "engine"
        self.state = self.folder / "state"
        self._lock: IO[str] | None = None

    def open(self, flows: Sequence[str], bus: str, identity: str, source_parts: int) -> None:
        """Take the lock; make the folder, or check that it belongs to this run.

        Args:
            flows: names of the flows of this run.
            bus: its URL, for messages.
            identity: the log's identity; positions in another log mean nothing.
            source_parts: groups of partitions; a position is stored with its group.

        Raises:
            RecoveryError: another run has it, or it belongs to other flows, another log or another format.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        manifest = self.folder / "manifest.json"
        wanted = {"format": FORMAT, "flows": sorted(flows), "log": identity, "sourceParts": source_parts}
        if not manifest.exists():
            self._make(manifest, {**wanted, "bus": bus})
        self._check(json.loads(manifest.read_text()), wanted, bus)

    def forget_uncommitted(self) -> int:
        """Remove what a run that died had stored of epochs that it did not finish; call it when no worker lives. Rows removed.

        The engine resumes at the first unfinished epoch and gives the same numbers again, but leaves the old rows where they are. A
        step that has nothing to do in an epoch of such a number stores nothing over its old row, and the next resume would take that
        for its state: of a past that never was.
        """
        parts = [sqlite3.connect(path, isolation_level=None) for path in sorted(self.engine.glob("*.sqlite3"))]
        try:
            resume = _resume_epoch(parts)
            return sum(part.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (resume,)).rowcount for part in parts)
        except sqlite3.Error as error:
            raise RecoveryError(
                f"expected the engine's store in {self.engine}, found files that cannot be read: {error}",
                hint="restore the recovery folder from a backup, or start with an empty one (the run then begins again)",
            ) from error
        finally:
            for part in parts:
                part.close()

    def lock_fd(self) -> int:
        """Handed to the workers, so that the lock is held until the last of them is gone."""
        assert self._lock is not None
        return self._lock.fileno()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        lock = (self.folder / "lock").open("a+")
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise RecoveryError(
                        f"expected {self.folder} to be free, found another run using it",
                        hint="stop the other run, or give this one a folder of its own (--recovery DIR)",
                    ) from None
                time.sleep(0.05)
        os.set_inheritable(lock.fileno(), True)
        self._lock = lock

    def _make(self, manifest: Path, content: dict[str, object]) -> None:
        from bytewax.recovery import init_db_dir

        for folder in (self.engine, self.state):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        init_db_dir(self.engine, ENGINE_PARTS)
        whole = manifest.with_suffix(".new")
        whole.write_text(json.dumps(content, indent=2) + "\n")
        whole.replace(manifest)

    def _check(self, found: dict[str, object], wanted: dict[str, object], bus: str) -> None:
        for what, message, hint in (
            ("format", "a recovery folder of format", "start with an empty folder, or run the version that wrote it"),
            ("flows", "a recovery folder of the flows", "run these flows, or give this run a folder of its own (--recovery DIR)"),
            ("sourceParts", "a recovery folder whose engine.source_parts is", "set it as it was, or start with an empty folder"),
            ("log", f"a recovery folder of the log at {bus}, whose identity is", "the log was replaced: start with an empty folder"),
        ):
            if found.get(what) != wanted[what]:
                raise RecoveryError(f"expected {message} {wanted[what]}, found {found.get(what)} in {self.folder}", hint=hint)


def _resume_epoch(parts: Iterable[sqlite3.Connection]) -> int:
    """The epoch at which the engine would resume: the least that a worker of the last execution had not finished."""
    executions: dict[int, tuple[int, int]] = {}
    fronts: dict[tuple[int, int], int] = {}
    for part in parts:
        for number, workers, epoch in part.execute("SELECT ex_num, worker_count, resume_epoch FROM exs"):
            executions[number] = (workers, epoch)
        for number, worker, epoch in part.execute("SELECT ex_num, worker_index, worker_frontier FROM fronts"):
            fronts[number, worker] = max(epoch, fronts.get((number, worker), 0))
    if not executions:
        return 0
    last = max(executions)
    workers, begun = executions[last]
    return min(max(begun, fronts.get((last, worker), 0)) for worker in range(workers))
