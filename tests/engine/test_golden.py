"""Four-second bars of a real session equal those of another program, each field, whatever way the ticks take."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.symbols import SYMBOLS
from schemas.tick_codec import encode_ticks
from schemas.times import parse_time
from tests.engine.running import command, ends, events, run_market, write_heartbeats, write_ticks
from tests.operators import amzn

FOUR = ("--set", "market.intervals=4s")
DAY_NS = 86_400_000_000_000
TABLE = ("--symbol", "AMZN", "--price-scale", "0.0001", "--columns", "timestamp=Time,price=Price,size=Volume")


def fields(bars: Sequence[dict[str, Any]]) -> list[tuple[float, ...]]:
    """As ``amzn.bars`` gives them."""
    found = []
    for bar in (event["payload"] for event in bars):
        assert (bar["symbol"], bar["interval"]) == ("AMZN", "4s")
        assert parse_time(bar["end"]) - parse_time(bar["start"]) == 4_000_000_000
        assert bar["low"] <= bar["vwap"] * (1 + 1e-12) <= bar["high"] * (1 + 2e-12)
        found.append((parse_time(bar["end"]), *(bar[name] for name in ("open", "high", "low", "close", "volume"))))
    if len(bars) == 2226 and found == amzn.bars():  # else the caller's comparison says more
        assert sum(event["payload"]["tradeCount"] for event in bars) == 11_419
    return found


def piped(*arguments: str, lines: bytes | None = None) -> list[dict[str, Any]]:
    done = subprocess.run(command("pipe", "market", *FOUR, *arguments), input=lines, capture_output=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr.decode()
    written = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["topic"] for line in written} == {"market.bars", "market.marks"}
    return [line["value"] for line in written if line["topic"] == "market.bars"]


def test_pipe_over_the_table() -> None:
    found = fields(piped("--input", str(amzn.DATA / "amzn-trades-2012-06-21.csv"), *TABLE))
    assert found == amzn.bars()
    assert len(found) == 2226


def test_pipe_over_json_lines() -> None:
    lines = b"".join(b'{"topic":"market.ticks","value":%s}\n' % tick for tick in encode_ticks(amzn.trades()))
    assert fields(piped(lines=lines)) == amzn.bars()


@pytest.fixture(scope="module")
def session(own_bus: str) -> str:
    """A bus with the whole session, in one partition as ingest writes it, and the end of the day in all."""
    newest = write_ticks(own_bus, [amzn.trades()])
    write_heartbeats(own_bus, newest + DAY_NS)
    return own_bus


def run_over(bus: str, recovery: Path, processes: int, *extra: str) -> list[dict[str, Any]]:
    before = ends(bus, ["market.bars", "dead.letters"])
    run_market(bus, recovery, processes, *FOUR, *extra)
    assert not events(bus, "dead.letters", before["dead.letters"])
    return events(bus, "market.bars", before["market.bars"])


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_run_on_a_bus(session: str, tmp_path: Path, processes: int) -> None:
    assert fields(run_over(session, tmp_path, processes)) == amzn.bars()


@pytest.mark.parametrize("own_bus", ["embedded"], indirect=True)
@pytest.mark.parametrize("records", [7, random.Random(3).randrange(100, 900)])
def test_run_in_small_batches(session: str, tmp_path: Path, records: int) -> None:
    assert fields(run_over(session, tmp_path, 1, "--set", f"engine.max_batch={records}")) == amzn.bars()


def test_run_a_tick_at_a_time(tmp_path: Path) -> None:
    bus, rows = f"embedded:{tmp_path / 'bus'}", amzn.trades()[:800]
    assert SYMBOLS.names[rows["symbol"][0]] == "AMZN"
    run_market(bus, tmp_path / "empty", 1)  # makes the topics
    write_ticks(bus, [rows])
    found = fields(run_over(bus, tmp_path / "recovery", 1, "--set", "engine.max_batch=1"))
    assert len(found) > 50
    assert found == amzn.bars()[: len(found)]
