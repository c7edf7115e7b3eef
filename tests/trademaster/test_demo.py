"""The demo shows moving numbers with nothing but Python, and leaves nothing behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_it_shows_the_market_and_stops_by_itself(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "trademaster", "demo", "--duration", "15s", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    prices = re.findall(r"AMZN (\d+\.\d\d)", demo.stdout)
    assert len(set(prices)) > 1, demo.stdout
    found = re.search(r"([\d,]+) ticks became ([\d,]+) bars", demo.stdout)
    assert found, demo.stdout
    assert int(found[2].replace(",", "")) > 100, demo.stdout
    assert '"worker drained"' in (tmp_path / "market.log").read_text()
