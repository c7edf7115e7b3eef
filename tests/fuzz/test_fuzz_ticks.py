"""The fuzz target runs, for some seconds, where atheris is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_fuzz_target_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    found = subprocess.run(
        [sys.executable, str(ROOT / "tests/fuzz/fuzz_ticks.py"), "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-1000:] + found.stderr[-3000:]
    assert "number_of_executed_units" in found.stderr
