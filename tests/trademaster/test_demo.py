"""The demo shows moving numbers with nothing but Python, its books are right, and it leaves nothing behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.engine.books import check_cash, check_orders, check_positions, fills_of
from tests.engine.running import by_id, events
from trademaster.demo.strategies import ACCOUNTS


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
    assert '"worker drained"' in (tmp_path / "run.log").read_text()
    check_books(f"embedded:{tmp_path / 'bus'}")


def check_books(bus: str) -> None:
    """Orders, positions and cash add up to the cent with the fills that were made."""
    fills = fills_of(events(bus, "orders.events"))
    assert len(fills) > 20
    check_orders(list(by_id(events(bus, "orders.updates")).values()), fills)
    check_positions(events(bus, "portfolio.positions"), fills)
    check_cash(events(bus, "portfolio.accounts"), fills, {account.account: account.cash for account in ACCOUNTS})
    assert not events(bus, "dead.letters")
