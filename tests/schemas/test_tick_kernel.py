"""The compiled scanner equals its own uncompiled form, which checks the bounds of each byte it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.schemas.tick_corpus import digest

ROOT = Path(__file__).resolve().parents[2]


def test_kernel_equals_its_uncompiled_form() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    uncompiled = subprocess.run(
        [sys.executable, "-m", "tests.schemas.tick_corpus"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert uncompiled.stdout.strip() == digest(7, 1500)
