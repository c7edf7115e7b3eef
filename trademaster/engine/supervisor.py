"""Starts the worker processes of a run, forwards signals, restarts all after any death.

One death kills a Bytewax cluster (its peers fail within 0.05 s), so all are started again, with a pause that doubles up to half a
minute and starts anew after a minute of health.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from schemas.shared_rows import create_lanes
from trademaster.engine.plan import Plan
from trademaster.engine.worker import EXIT_CLOCK, EXIT_RECOVERY, EXIT_USAGE

FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_S = 0.25, 30.0, 60.0
DRAIN_S = 60.0
"""Time a worker has between SIGTERM and SIGKILL."""
TICK_S = 0.1


MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""For the C library of a worker: a batch's arrays go back to it, not to the system, which would clear each of their pages anew
(a tenth of a tick's cost)."""
MEMORY_SHARED = {"MALLOC_ARENA_MAX": "1"}
"""For the C library of one worker of several, which runs in a thread of the engine's: in an arena of its own that would still give
back each batch. A worker that is alone runs in the main thread; there one arena would only be fought over."""


class Supervisor:
    """Runs a plan with N workers until it is told to stop, or a worker says that trying again is useless."""

    def __init__(
        self,
        plan: Plan,
        processes: int,
        folder: Path,
        log: Any,
        *,
        lock_fd: int | None = None,
        before_start: Callable[[], object] = lambda: None,
        each_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """``folder`` takes the plan; the workers hold ``lock_fd`` as long as they live.

        ``before_start`` is called whenever the workers are about to start, ``each_tick`` ten times a second while they live.
        """
        self._plan = plan
        self._processes = processes
        self._folder = folder
        self._lock_fd = lock_fd
        self._before_start = before_start
        self._each_tick = each_tick
        self._log = log
        self._stopping = threading.Event()

    def stop(self) -> bool:
        """Ask for a drain; ``run`` returns when it is done. False: it had been asked before."""
        asked_before = self._stopping.is_set()
        self._stopping.set()
        return not asked_before

    def run(self) -> int:
        """Exit code: 0 after a drain."""
        pause_s = FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            code = self._run_once()
            ended = code == 0 and self._plan.until_end
            if ended or self._stopping.is_set() or code in (EXIT_USAGE, EXIT_RECOVERY):
                return code
            pause_s = FIRST_PAUSE_S if time.monotonic() - started > HEALTHY_S or code == EXIT_CLOCK else pause_s
            self._log.warning("workers restart", code=code, pause_s=pause_s)
            if self._stopping.wait(pause_s):
                return code
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _run_once(self) -> int:
        self._before_start()
        plan_file = self._folder / "plan.json"
        workers: list[subprocess.Popen[bytes]] = []
        with ExitStack() as closing:
            ports = [closing.enter_context(_reserved_port()) for _ in range(self._processes)] if self._processes > 1 else []
            lanes = create_lanes(self._processes, closing)  # new ones each time: what the dead left taken is never freed
            replace(self._plan, addresses=[f"127.0.0.1:{port.getsockname()[1]}" for port in ports], lanes=lanes).write(plan_file)
            if sys.platform != "linux":
                closing.pop_all().close()
            try:
                workers += (self._start(plan_file, index, lanes) for index in range(self._processes))
                return self._watch(workers)
            finally:
                for worker in workers:
                    worker.kill()
                    worker.wait()

    def _start(self, plan_file: Path, index: int, lanes: Sequence[int]) -> subprocess.Popen[bytes]:
        fds = (*lanes, *(() if self._lock_fd is None else (self._lock_fd,)))
        return subprocess.Popen(
            [sys.executable, "-m", "trademaster.engine.worker", str(plan_file), str(index)],
            stdin=subprocess.PIPE,
            pass_fds=fds,
            env={**MEMORY_KEPT, **(MEMORY_SHARED if self._processes > 1 else {}), **os.environ},
            start_new_session=True,  # a Ctrl-C of the terminal reaches the supervisor alone, which forwards it
        )

    def _watch(self, workers: Sequence[subprocess.Popen[bytes]]) -> int:
        """Wait for the workers; the first exit code that is not 0, else 0."""
        asked_at = 0.0
        while True:
            codes = [worker.poll() for worker in workers]
            failed = [code for code in codes if code]
            if failed:
                # A peer of the worker that failed fails too, with less to say.
                return next((code for code in failed if code in (EXIT_USAGE, EXIT_RECOVERY, EXIT_CLOCK)), failed[0])
            if all(code == 0 for code in codes):
                return 0
            if self._stopping.is_set() and not asked_at:
                asked_at = time.monotonic()
                for worker in workers:
                    worker.send_signal(signal.SIGTERM)
            if asked_at and time.monotonic() - asked_at > DRAIN_S:
                self._log.error("workers did not drain", seconds=DRAIN_S)
                return 1
            self._each_tick()
            _wait_any(workers, TICK_S)


def _wait_any(workers: Sequence[subprocess.Popen[bytes]], timeout_s: float) -> None:
    for worker in workers:
        if worker.poll() is None:
            try:
                worker.wait(timeout_s)
            except subprocess.TimeoutExpired:
                pass
            return


def _reserved_port() -> socket.socket:
    """A port for a worker, bound and not listened at: Linux gives it to nobody by itself, and lets a worker listen at it."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def stop_on_signals(supervisor: Supervisor) -> None:
    """SIGTERM and SIGINT drain; a second one ends at once."""

    def handle(*_: object) -> None:
        if not supervisor.stop():
            os._exit(130)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
