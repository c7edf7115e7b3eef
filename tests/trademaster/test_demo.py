"""The demo shows moving numbers with nothing but Python, its books are right, and it leaves nothing behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from schemas.bus import Batch
from sources.archive import open_archive
from tests.engine.books import check_cash, check_orders, check_positions, fills_of
from tests.engine.running import by_id, events, run_market
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end
from trademaster.demo import FLOWS, SETTINGS
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
    # What was on its way when it was stopped is done when it goes on.
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    run_market(f"embedded:{tmp_path / 'bus'}", tmp_path / "recovery", 1, *settings, flows=FLOWS)
    check_books(f"embedded:{tmp_path / 'bus'}")
    check_archive(tmp_path)


def check_archive(folder: Path) -> None:
    """Of each partition the beginning, and most of it, is in the archive as it stood on the bus."""
    bus, archive = open_bus(f"embedded:{folder / 'bus'}"), open_archive(str(folder / "archive"))
    for topic in ("market.ticks", "orders.updates"):
        for partition in bus.partitions(topic):
            held = [value for batch in read_to_end(bus, topic) for value in of_partition(batch, partition)]
            kept = [value for records in archive.records(topic, partition) for value in records.batch.values()]
            assert kept == held[: len(kept)]
            assert len(kept) > len(held) / 2 or len(held) < 20
    bus.close()


def of_partition(batch: Batch, partition: int) -> list[bytes]:
    return [value for value, where in zip(batch.values(), batch.partition.tolist(), strict=True) if where == partition]


def check_books(bus: str) -> None:
    """Orders, positions and cash add up to the cent with the fills that were made."""
    fills = fills_of(events(bus, "orders.events"))
    assert len(fills) > 20
    check_orders(list(by_id(events(bus, "orders.updates")).values()), fills)
    check_positions(events(bus, "portfolio.positions"), fills)
    check_cash(events(bus, "portfolio.accounts"), fills, {account.account: account.cash for account in ACCOUNTS})
    assert not events(bus, "dead.letters")
