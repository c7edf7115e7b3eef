"""Benchmarks do not rot: each draws its topology, the quick form runs, and a wrong answer is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.answers import INTERVALS, WrongAnswer, check_bars
from benchmarks.latency import check_hop, check_marks, check_seconds
from benchmarks.live import Load, Watched
from benchmarks.measuring import Meter, percentiles, run_metered
from benchmarks.rows import Row, table
from benchmarks.ticks import Ticks
from benchmarks.watcher import SEEN
from schemas.partitioning import partition_of
from schemas.times import SECOND_NS

ROOT = Path(__file__).resolve().parents[2]
TICKS = Ticks(3000, symbols=50)
LATE_NS = 2_000_000


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_draws_its_topology(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert module.__doc__
    assert "::\n" in module.__doc__
    assert "──►" in module.__doc__
    assert callable(module.run)


@pytest.mark.parametrize("peer", sorted((ROOT / "benchmarks" / "peers").glob("*.py")), ids=lambda path: path.stem)
def test_a_peer_says_what_it_does(peer: Path) -> None:
    assert peer.read_text().startswith('"""')


@pytest.mark.parametrize("name", ["ticks_to_bars_embedded", "pipe_csv"])
def test_the_quick_form_gives_the_right_answer(name: str, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--events", "10000", "--json", str(found)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert f"## {name}" in ran.stdout
    results = json.loads(found.read_text())
    assert results["machine"]["cores"]
    assert all(row["figures"]["whole_events_per_s"] > 0 for row in results["benchmarks"][name])


def bars(ticks: Ticks) -> pl.DataFrame:
    return pl.concat([ticks.expected_bars(length).with_columns(interval=pl.lit(name)) for name, length in INTERVALS.items()])


def decoded(ticks: Ticks) -> list[Any]:
    return [json.loads(value or b"") for records in ticks.messages() for value in records.values]


def test_ticks_are_the_same_each_time_and_each_lies_in_its_partition() -> None:
    first, again = (list(TICKS.messages()) for _ in range(2))
    assert first == again
    assert sum(len(records) for records in first) == TICKS.events
    for records in first:
        assert [partition_of(key, TICKS.partitions) for key in records.keys] == list(records.partitions)
    arrays = decoded(Ticks(3000, symbols=50, per_message=20))
    singles = decoded(TICKS)
    assert sorted((tick["sequence"], tick["price"]) for array in arrays for tick in array) == [(t["sequence"], t["price"]) for t in singles]
    for symbol in {tick["symbol"] for tick in singles}:
        times = [tick["timestamp"] for array in arrays for tick in array if tick["symbol"] == symbol]
        assert times == sorted(times)


def test_the_expected_bars_are_those_of_a_loop() -> None:
    made: dict[tuple[str, int], list[float]] = {}
    for tick in decoded(TICKS):
        if tick["timestamp"] < TICKS.closing_ns:
            price, window = tick["price"], (tick["symbol"], tick["timestamp"] // SECOND_NS * SECOND_NS)
            bar = made.setdefault(window, [price, 0.0, 1e9, 0.0, 0.0])
            bar[1:] = [max(bar[1], price), min(bar[2], price), price, bar[4] + tick["size"]]
    expected = TICKS.expected_bars(SECOND_NS)
    assert {(row[0], row[1]): list(row[2:7]) for row in expected.rows()} == made


def test_every_bar_right_is_right() -> None:
    assert check_bars(TICKS, bars(TICKS)) == len(bars(TICKS))


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume", "vwap", "trade_count"])
def test_one_wrong_field_of_one_bar_is_seen(field: str) -> None:
    wrong = bars(TICKS).with_columns(pl.when(pl.int_range(pl.len()) == 17).then(pl.col(field) + 1).otherwise(pl.col(field)).alias(field))
    with pytest.raises(WrongAnswer, match="1 differ"):
        check_bars(TICKS, wrong)


def test_a_bar_missing_or_made_twice_or_not_asked_for_is_seen() -> None:
    right = bars(TICKS)
    stranger = right.head(1).with_columns(symbol=pl.lit("NOBODY"))
    for wrong in (right.slice(1), pl.concat([right, right.head(1)]), pl.concat([right, stranger])):
        with pytest.raises(WrongAnswer):
            check_bars(TICKS, wrong)


def test_the_meter_counts_the_cpu_of_children_alive_and_dead(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.4: pass"
    script = tmp_path / "parent.py"
    script.write_text(f"import subprocess, sys\nfor _ in range(2): subprocess.run([sys.executable, '-c', {spin!r}])")
    ran = run_metered([[sys.executable, script], [sys.executable, "-c", spin]])
    assert 1.2 <= ran.cpu_s < 4
    assert ran.meter.cpu_s("ours") == pytest.approx(ran.cpu_s, abs=0.3)
    assert ran.meter.peak_mb("ours") > 5
    assert np.isnan(ran.meter.cpu_s("broker"))


def test_a_command_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(RuntimeError, match=r"exit 3.*no luck"):
        run_metered([[sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"]])


def test_the_meter_knows_when_cpu_was_used() -> None:
    with Meter(ours=[os.getpid()]) as meter:
        begin, spent = time.time(), time.process_time()
        while time.process_time() < spent + 0.3:
            pass
        end = time.time()
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)"], check=True)
    assert meter.cpu_s("ours", begin, end) == pytest.approx(0.3, abs=0.15)
    assert meter.cpu_s("ours", end) < 0.25


def watched(**changes: Any) -> Watched:
    """Three seconds of 1,000 ticks/s over ten symbols, each tick and bar seen at once, as far as ``LATE_NS``."""
    start = 1_800_000_000
    steps = (start * SECOND_NS + np.arange(3000) * 1_000_000).astype(np.int64)
    ticks = np.array([(b"S%06d" % (step % 10), time_ns, time_ns + LATE_NS, 0, 0) for step, time_ns in enumerate(steps.tolist())], SEEN)
    ends = [(start + second) * SECOND_NS for second in (1, 2)]
    closed = np.array([(b"S%06d" % code, end, end + code * 1_000_000 + LATE_NS, 0, 0) for end in ends for code in range(10)], SEEN)
    return Watched(Load(1000, 10, 3, 0.5), steps, {"market.ticks": ticks, "market.marks": ticks, "market.bars": closed, **changes})


def test_latency_is_from_a_tick_to_its_mark_and_from_what_closed_a_bar_to_the_bar() -> None:
    run = watched()
    check_hop(run)
    check_marks(run)
    check_seconds(run)
    assert percentiles(run.tick_latency_ms("market.marks"))["p50_ms"] == LATE_NS / 1e6
    assert set(run.bar_latency_ms().tolist()) == {LATE_NS / 1e6}


def test_a_tick_a_mark_or_a_bar_that_is_lost_is_seen() -> None:
    right = watched().seen
    with pytest.raises(WrongAnswer):
        check_hop(watched(**{"market.ticks": right["market.ticks"][1:]}))
    with pytest.raises(WrongAnswer):
        check_marks(watched(**{"market.marks": right["market.marks"][:-1]}))
    closed = right["market.bars"]
    with pytest.raises(WrongAnswer):
        check_seconds(watched(**{"market.bars": closed[closed["time"] != closed["time"].max()]}))


def test_a_table_says_which_budget_was_missed() -> None:
    kept, missed = Row("a", {"p99_ms": 4.0}, {"p99_ms": 5.0}), Row("b", {"p99_ms": 1234.5}, {"p99_ms": 5.0})
    assert (kept.verdict(), missed.verdict()) == ("kept", "p99_ms 1,230 > 5")
    assert Row("c", {"rate": float("nan")}, at_least={"rate": 1.0}).missed()
    lines = table([kept, missed]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "1,230" in lines[-1]
