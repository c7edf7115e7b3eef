"""What a run took: CPU and memory of a family of processes, percentiles, rates."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_S = 0.05
_FAMILY_S = 0.5
"""How often new children are looked for: reading the whole of /proc costs more than reading a family."""


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    cpu_s: float
    """User and system time of all its threads and of its dead children that it waited for."""
    memory_bytes: int


def _read(pid: int) -> _Process | None:
    """One process as /proc has it; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return _Process(int(fields[1]), sum(map(int, fields[11:15])) / _TICKS_A_SECOND, int(fields[21]) * _PAGE_BYTES)


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    pids = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal()]
    for pid in pids:
        if process := _read(pid):
            found.setdefault(process.parent, []).append(pid)
    return found


def _family(root: int, children: dict[int, list[int]]) -> list[int]:
    """A process and all that descend from it."""
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


class Meter:
    """Samples the CPU and memory of families of processes while it is open.

    Memory is the sum of what is resident of each process, at its highest; pages that processes share count for each.
    """

    def __init__(self, **roots: Sequence[int]) -> None:
        self._roots = {name: pids for name, pids in roots.items() if pids}
        self._families: dict[str, list[int]] = {}
        self._times: list[float] = []
        self._cpu: dict[str, list[float]] = {name: [] for name in self._roots}
        self._peak = dict.fromkeys(self._roots, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample_often, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    def _sample_often(self) -> None:
        looked = time.monotonic()
        while not self._over.wait(_SAMPLE_S):
            if time.monotonic() - looked > _FAMILY_S:
                self._look()
                looked = time.monotonic()
            self._sample()

    def _look(self) -> None:
        children = _children()
        self._families = {name: [pid for root in roots for pid in _family(root, children)] for name, roots in self._roots.items()}

    def _sample(self) -> None:
        self._times.append(time.time())
        for name, pids in self._families.items():
            alive = [process for pid in pids if (process := _read(pid))]
            cpu = self._cpu[name]
            # A child between its death and its parent's wait, or one not yet looked for, is in nobody's sum for a moment.
            cpu.append(max(sum(process.cpu_s for process in alive), cpu[-1] if cpu else 0.0))
            self._peak[name] = max(self._peak[name], sum(process.memory_bytes for process in alive))

    def cpu_s(self, name: str, begin: float | None = None, end: float | None = None) -> float:
        """CPU that a family used between two times (Unix seconds; default: all of it); NaN for a family that is not metered."""
        if name not in self._cpu:
            return float("nan")
        low, high = (self._times[0] if begin is None else begin), (self._times[-1] if end is None else end)
        first, last = np.interp([low, high], self._times, self._cpu[name])
        return float(last - first)

    def peak_mb(self, name: str) -> float:
        """NaN for a family that is not metered."""
        return self._peak[name] / 1e6 if name in self._peak else float("nan")


def percentiles(values: npt.NDArray[np.float64] | Sequence[float], scale: float = 1.0) -> dict[str, float]:
    """p50, p99, p99.9 and the largest, in milliseconds if ``values * scale`` are; how many there were."""
    array = np.asarray(values, np.float64) * scale
    p50, p99, p999 = np.percentile(array, [50, 99, 99.9])
    return {"p50_ms": float(p50), "p99_ms": float(p99), "p99.9_ms": float(p999), "max_ms": float(array.max()), "samples": float(len(array))}


@dataclass(frozen=True, slots=True)
class Ran:
    """Commands that have ended well."""

    begin: float
    """Unix seconds."""
    end: float
    cpu_s: float
    """Of the commands and all that descended from them, as the kernel tells who waits."""
    meter: Meter
    """Families ``ours`` and, if it is known, ``broker``."""


def run_metered(
    commands: Sequence[Sequence[str | Path]],
    *,
    broker: int | None = None,
    patience_s: float = 900.0,
    stdout: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run commands side by side to their end.

    Args:
        commands: programs with their arguments.
        broker: process whose family is metered beside.
        patience_s: how long they may take.
        stdout: file for what they print; default: nowhere.
        environment: variables beside our own.

    Raises:
        RuntimeError: one failed or took longer; with the end of what it said on stderr.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trademaster-bench-")))
        out = stack.enter_context(stdout.open("wb")) if stdout else subprocess.DEVNULL
        logs = [folder / f"{index}.err" for index in range(len(commands))]
        errors = [stack.enter_context(log.open("wb")) for log in logs]
        variables = {**os.environ, **(environment or {})}
        begin = time.time()
        running = [
            subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=error, env=variables)
            for command, error in zip(commands, errors, strict=True)
        ]
        stack.callback(_kill, running)
        with Meter(ours=[process.pid for process in running], broker=[broker] if broker else []) as meter:
            _await_all([process.pid for process in running], begin + patience_s)
            end = time.time()
        cpu_s = 0.0
        for process, command, log in zip(running, commands, logs, strict=True):
            _, status, used = os.wait4(process.pid, os.WNOHANG)
            process.returncode = os.waitstatus_to_exitcode(status) if used.ru_maxrss else -signal.SIGKILL
            cpu_s += used.ru_utime + used.ru_stime
            if process.returncode != 0:
                shown = " ".join(map(str, command))
                raise RuntimeError(f"exit {process.returncode} after {end - begin:.0f} s of `{shown}`; it said: {_tail(log)}")
        return Ran(begin, end, cpu_s, meter)


def _await_all(pids: Sequence[int], deadline: float) -> None:
    """Until all have ended, or one failed, or the time is over. None is reaped: the dead keep their figures for the meter."""
    waiting = list(pids)
    while waiting and time.time() < deadline:
        for pid in list(waiting):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            if ended is not None:
                waiting.remove(pid)
                if ended.si_status != 0:
                    return
        time.sleep(0.005)


def _kill(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        if process.returncode is None:
            process.kill()
            process.wait()


def machine() -> dict[str, str]:
    """What it was measured on."""
    models = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    memory = next((int(line.split()[1]) // 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": next(models, platform.processor()) or platform.machine(),
        "memory": f"{memory} GiB",
        "system": platform.release(),
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2000:]
