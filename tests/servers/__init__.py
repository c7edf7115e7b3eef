"""Real servers for tests: found in the environment, started by Docker, or built from package registries."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class ServerMissing(Exception):
    """A server that a test needs is neither there nor can be had; the message says how to get it."""


def cache_folder() -> Path:
    """Where downloads and builds of servers are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "trademaster"


def docker_answers() -> bool:
    """Whether a Docker engine, not only its client, is here."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, stdin=subprocess.DEVNULL, timeout=15, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def must_not_skip() -> bool:
    """In CI a missing server is a failure, never a skip."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}
