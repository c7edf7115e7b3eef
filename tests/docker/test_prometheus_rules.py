"""Prometheus takes its configuration, and its rules say what they should of made-up series."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.servers import ServerMissing, must_not_skip
from tests.servers.prometheus import promtool

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "prometheus"


@pytest.fixture(scope="module")
def tool() -> str:
    try:
        return promtool()
    except ServerMissing as error:
        if must_not_skip():
            pytest.fail(f"CI must not leave tests out. {error}")
        pytest.skip(str(error))


def _says(tool: str, *arguments: str) -> None:
    ran = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_configuration_is_one(tool: str) -> None:
    _says(tool, "check", "config", str(FOLDER / "prometheus.yml"))
    _says(tool, "check", "rules", str(FOLDER / "rules.yml"))


def test_rules_say_what_they_should(tool: str, tmp_path: Path) -> None:
    made_up = Path(__file__).with_name("rules_test.yaml").read_text().replace("RULES", str(FOLDER / "rules.yml"))
    (tmp_path / "test.yaml").write_text(made_up)
    _says(tool, "test", "rules", str(tmp_path / "test.yaml"))
