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
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from schemas.errors import RecoveryError

FORMAT = 1
ENGINE_PARTS = 4
"""Files of the engine's store. Fixed for ever by the engine when the folder is made."""

LOCK_PATIENCE_S = 10.0


class RecoveryFolder:
    """Opened by the supervisor before any worker starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.engine = self.folder / "engine"
        self.state = self.folder / "state"
        self._lock: IO[str] | None = None

    def open(self, flows: Sequence[str], bus: str, identity: str) -> None:
        """Take the lock; make the folder, or check that it belongs to this run.

        Args:
            flows: names of the flows of this run.
            bus: its URL, for messages.
            identity: the log's identity; positions in another log mean nothing.

        Raises:
            RecoveryError: another run has it, or it belongs to other flows, another log or another format.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        manifest = self.folder / "manifest.json"
        wanted = {"format": FORMAT, "flows": sorted(flows), "log": identity}
        if not manifest.exists():
            self._make(manifest, {**wanted, "bus": bus})
        self._check(json.loads(manifest.read_text()), wanted, bus)

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
            ("log", f"a recovery folder of the log at {bus}, whose identity is", "the log was replaced: start with an empty folder"),
        ):
            if found.get(what) != wanted[what]:
                raise RecoveryError(f"expected {message} {wanted[what]}, found {found.get(what)} in {self.folder}", hint=hint)
