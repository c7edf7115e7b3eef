"""What is checked before somebody asks why it does not work. Looks only: makes no folder, topic or cache."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.errors import SettingsError, TradeMasterError
from trademaster.settings import Settings

Status = Literal["ok", "warn", "fail"]

GIB = 1 << 30
LEAST_FREE_BYTES, GOOD_FREE_BYTES = 1 * GIB, 20 * GIB
"""The embedded bus keeps up to 10 GB; below the first figure a run soon stops."""
GOOD_OPEN_FILES = 4096
PATIENCE_S = 5.0
"""A doctor does not wait as long for a bus as a run does."""
EARLIEST_CLOCK_NS = 1_735_689_600 * 10**9
"""2025-01-01: this program is younger than that."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    status: Status
    found: str
    advice: str = ""
    """What to do; empty if nothing."""


def examine(*, config: Path | None = None, sets: Sequence[str] = (), bus: str | None = None) -> list[Finding]:
    """All findings, in order. No finding is an exception."""
    findings = [check_python(sys.version_info[:2])]
    from trademaster.settings_sources import load

    try:
        loaded = load(config=config, sets=sets, flags={"bus.url": bus})
    except SettingsError as error:
        findings.append(Finding("settings", "fail", str(error), error.hint))
        settings = Settings()  # the defaults, so that the other checks go on
    else:
        settings = loaded.settings
        changed = sum(origin != "default" for origin in loaded.origins.values())
        findings.append(Finding("settings", "ok", f"{changed} set, {len(loaded.origins) - changed} by default"))
    checks: tuple[Callable[[Settings], Iterable[Finding]], ...] = (check_bus, check_disk, check_kernels, check_clock, check_open_files)
    for check in checks:
        findings += check(settings)
    return findings


def check_python(version: tuple[int, ...]) -> Finding:
    """3.11 or 3.12: the engine has no wheels for others."""
    text = ".".join(map(str, version))
    if (3, 11) <= version < (3, 13):
        return Finding("python", "ok", text)
    return Finding("python", "fail", text, "install Python 3.11 or 3.12: the engine has no build for others")


def check_bus(settings: Settings) -> Iterator[Finding]:
    """Reachable, and its topics as they should be. An embedded bus that is not there yet is made by the first run."""
    from trademaster.settings_text import without_secrets

    url = settings.bus.url
    shown = without_secrets(url)
    if url.startswith("embedded:") and not bus_folder(url).exists():
        yield Finding("bus", "ok", f"{shown} is not there yet; the first run or ingest makes it")
        return
    try:
        from trademaster.bus import open_bus
        from trademaster.topic_settings import topic_settings

        opened = open_bus(url, patience_s=PATIENCE_S)
        try:
            differences = opened.differences(topic_settings(settings))
        finally:
            opened.close()
    except TradeMasterError as error:
        yield Finding("bus", "fail", f"{shown}: {error}", error.hint)
        return
    yield Finding("bus", "ok", f"{shown} answers")
    if differences:
        advice = "`trademaster topics create` makes the missing ones; `trademaster topics check` shows all differences"
        yield Finding("topics", "warn", f"{len(differences)} differences, the first: {differences[0]}", advice)
    else:
        yield Finding("topics", "ok", "all there, with their settings")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Room where the bus and stored state are."""
    folders = [bus_folder(settings.bus.url)] if settings.bus.url.startswith("embedded:") else []
    if settings.engine.recovery:
        folders.append(settings.engine.recovery_dir)
    seen = set()
    for folder in folders:
        existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        device = existing.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        yield disk_finding(folder, shutil.disk_usage(existing).free, writable=os.access(existing, os.W_OK))


def disk_finding(folder: Path, free_bytes: int, *, writable: bool) -> Finding:
    """What a folder's room means."""
    if not writable:
        return Finding("disk", "fail", f"{folder} cannot be written to", "choose others with the settings bus.url and engine.recovery_dir")
    found = f"{free_bytes / GIB:.1f} GiB free for {folder}"
    if free_bytes < LEAST_FREE_BYTES:
        return Finding("disk", "fail", found, "make room, or move the folder with the settings bus.url and engine.recovery_dir")
    if free_bytes < GOOD_FREE_BYTES:
        return Finding("disk", "warn", found, "the embedded bus keeps up to 10 GB; bound it with ?retention_bytes=NUMBER in bus.url")
    return Finding("disk", "ok", found)


def check_kernels(_settings: Settings) -> Iterator[Finding]:
    """Compiled code of the kernels lies in their cache; without it the first run compiles for a while."""
    from schemas.kernel_cache import CACHE_FOLDER

    root = Path(__file__).resolve().parent.parent
    missing = [path.relative_to(root) for path in kernel_files(root) if not is_compiled(path, CACHE_FOLDER)]
    if missing:
        found = f"{len(missing)} files with kernels are not compiled, the first: {missing[0]}"
        yield Finding("kernels", "warn", found, "`make setup` compiles them; else the first run does, which takes a minute")
    else:
        yield Finding("kernels", "ok", "compiled")


def kernel_files(root: Path) -> list[Path]:
    """Files with functions that are compiled and kept."""
    packages = ("schemas", "operators", "sources", "sinks", "trademaster")
    files = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    return [path for path in files if _KERNEL.search(path.read_text(encoding="utf-8"))]


_KERNEL = re.compile(r"^\s*@(kernel|njit\(.*cache=True.*)$", re.MULTILINE)


def is_compiled(path: Path, kept: Path) -> bool:
    """An index of numba's cache, of this Python and not older than the file, is below ``kept`` or beside the file."""
    pattern = f"{path.stem}.*.py{sys.version_info[0]}{sys.version_info[1]}.nbi"
    found = [*kept.rglob(pattern), *(path.parent / "__pycache__").glob(pattern)]
    return any(index.stat().st_mtime >= path.stat().st_mtime for index in found)


def check_clock(_settings: Settings) -> Iterator[Finding]:
    """Not absurd, and held by a time service. Bars go by event time; latencies and lateness of feeds are judged by this clock."""
    if time.time_ns() < EARLIEST_CLOCK_NS:
        yield Finding("clock", "fail", time.strftime("%Y-%m-%d", time.gmtime()), "set the clock")
    elif _is_synchronised() is False:
        yield Finding("clock", "warn", "no time service holds it", "start chrony or systemd-timesyncd; delays that are shown may be wrong")
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _is_synchronised() -> bool | None:
    """What the kernel says of its clock; None where it cannot be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != 5  # TIME_ERROR


def check_open_files(_settings: Settings) -> Iterator[Finding]:
    """A client of the gateway is an open file, and so is a partition of the embedded bus's readers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
    if soft != resource.RLIM_INFINITY and soft < GOOD_OPEN_FILES:
        advice = f"`ulimit -n {GOOD_OPEN_FILES}` before the command" + ("" if hard >= GOOD_OPEN_FILES else ", after raising the hard limit")
        yield Finding("files", "warn", f"at most {shown} open", advice)
    else:
        yield Finding("files", "ok", f"at most {shown} open")


def bus_folder(url: str) -> Path:
    """The folder of an embedded bus."""
    path = url.removeprefix("embedded:").partition("?")[0]
    return Path("/" + path.lstrip("/") if path.startswith("//") else path)
