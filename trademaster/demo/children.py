"""The programs that run beside the demo: what a user would start in other terminals."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import TradeMasterError, UsageError

DRAIN_S = 20.0
KEPT = Path("data/demo/archive")
"""Where the archive of a demo stays whose other files go with it; the next demo begins it anew."""


class Programs:
    """The flows, and once they have begun the archive, which is the last to stop: what the flows say as they drain is kept."""

    def __init__(self, url: str, folder: Path, flows: Sequence[str], settings: Sequence[str], archive: Path) -> None:
        self._url = url
        self._folder = folder
        self._archive = archive
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._start("run", flows, settings)

    def start_archive(self) -> None:
        """Nothing if it has started: two programs would share the cores while the first number is waited for."""
        if "archive" not in self._running:
            self._start("archive", ["archive"], [f"archive.url={self._archive}"])

    def check(self) -> None:
        """Raises TradeMasterError: one has ended."""
        for name, program in self._running.items():
            if program.poll() is not None:
                log = self._folder / f"{name}.log"
                raise TradeMasterError(f"{log.name}: ended with code {program.returncode}", hint=f"run `trademaster doctor`, or see {log}")

    def close(self) -> None:
        """Let each drain."""
        for program in self._running.values():
            program.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(DRAIN_S)
            program.kill()
            program.wait()

    def _start(self, name: str, flows: Sequence[str], settings: Sequence[str]) -> None:
        """``trademaster run FLOWS`` beside us, its log in ``NAME.log``."""
        arguments = ["run", *flows, "--bus", self._url, "--recovery", str(self._folder / "recovery"), "--quiet"]
        arguments += [part for setting in settings for part in ("--set", setting)]
        with (self._folder / f"{name}.log").open("wb") as out:
            program = subprocess.Popen([sys.executable, "-m", "trademaster", *arguments], stderr=out, start_new_session=True)
        self._running[name] = program


def archive_folder(folder: Path | None) -> Path:
    """Where the demo's archive goes: into its folder, else to KEPT, whose archive of an earlier demo is removed.

    Raises:
        UsageError: there stands something else.
    """
    if folder is not None:
        return folder / "archive"
    if KEPT.exists() and not (KEPT / "archive.json").exists() and any(KEPT.iterdir()):
        raise UsageError(f"expected {KEPT} to be an archive or empty, found other files", hint="move them, or name a folder: --folder DIR")
    shutil.rmtree(KEPT, ignore_errors=True)
    return KEPT
