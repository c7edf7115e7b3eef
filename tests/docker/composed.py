"""``docker/compose.yaml`` as Compose itself reads it, with secrets of a test. No engine is needed for that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docker"
PROGRAM = "trademaster-streams"
SECRETS = {
    name: f"{name.lower().replace('_', '-')}-of-tests"
    for name in ("INFLUXDB_PASSWORD", "INFLUXDB_TOKEN", "POSTGRES_PASSWORD", "GRAFANA_PASSWORD")
}


def compose(*arguments: str, without: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Compose over the file, with all secrets but one, and other variables."""
    secrets = {name: value for name, value in SECRETS.items() if name != without}
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **secrets, **variables}
    program = str(Path(sys.executable).with_name("docker-compose"))
    command = [program, "--file", str(FOLDER / "compose.yaml"), "--env-file", os.devnull, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def services(**variables: str) -> dict[str, dict[str, Any]]:
    """Each service with its defaults and variables filled in."""
    ran = compose("config", "--format", "json", **variables)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, dict[str, Any]] = json.loads(ran.stdout)["services"]
    return found


def ours(**variables: str) -> dict[str, dict[str, Any]]:
    """The services that run this program."""
    return {name: service for name, service in services(**variables).items() if service["image"] == PROGRAM}
