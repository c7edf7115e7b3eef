"""How fast what was archived is replayed, as fast as it goes.

::

    Parquet ──► trademaster replay ──► market.ticks                                  (the replay alone)
    Parquet ──► trademaster replay ──► market.ticks ──► market flow ──► market.bars  (both at once on two cores, embedded bus)

Ticks in arrays of 20. Every bar is checked. Steady is from the first bar to the last, without the start of either program.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.answers import INTERVALS, Output, WrongAnswer, check_bars, decode_bars
from benchmarks.live import market_flow
from benchmarks.market_run import market_command
from benchmarks.measuring import Meter, run_metered
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import TOPIC, Ticks
from trademaster.bus import open_bus

EVENTS = 5_000_000
_LEAST_PER_S = 2_000_000
_PATIENCE_S = 300.0


def run(options: Options) -> Iterator[Row]:
    """The replay alone, and with the flow that it feeds."""
    ticks = Ticks(options.count(EVENTS), per_message=20)
    with embedded_place(ticks) as place, tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        note("archiving")
        archive = f"{folder}/archive"
        command = market_command(place, f"{folder}/recovery", until_end=True, sets=[f"archive.url={archive}"], flows=("archive",))
        run_metered([command], broker=None)
        yield Row("replay into a bus", _alone(ticks, archive, Path(folder)))
        asked = {} if options.quick else {"events_per_s": _LEAST_PER_S}
        with embedded_place(None) as target:
            yield Row("replay into the market flow", _with_flow(ticks, archive, target), at_least=asked)


def _command(archive: str, target: str) -> list[str]:
    where = ("--archive", archive, "--topics", TOPIC, "--to-bus", target, "--append", "--quiet")
    return [sys.executable, "-m", "trademaster", "replay", *where]


def _alone(ticks: Ticks, archive: str, folder: Path) -> dict[str, float]:
    target = f"embedded:{folder}/alone"
    ran = run_metered([_command(archive, target)], broker=None)
    bus = open_bus(target)
    written = sum(bus.state(TOPIC).end.values())
    bus.close()
    if written != sum(len(records) for records in ticks.messages()):
        raise WrongAnswer(f"expected all records of {ticks.name} on the new bus, found {written}")
    return {"whole_events_per_s": ticks.events / (ran.end - ran.begin), "whole_cpu_us_event": ran.cpu_s * 1e6 / ticks.events}


def _with_flow(ticks: Ticks, archive: str, target: Place) -> dict[str, float]:
    with market_flow(target) as flow:
        output, wanted = Output(target.url, "market.bars"), _bars(ticks)
        began = time.time()
        replay = subprocess.Popen(_command(archive, target.url), stdin=subprocess.DEVNULL)
        with Meter(ours=[flow.pid, replay.pid]) as meter:
            if replay.wait(_PATIENCE_S) != 0:
                raise WrongAnswer(f"expected the replay to end with 0, found {replay.returncode}")
            _await_bars(target.url, wanted)
        ended = time.time()
    bars = decode_bars(output.read())
    check_bars(ticks, bars.filter(bars["symbol"] != "FIRST"), tuple(INTERVALS))
    first, last = output.span()
    steady = ticks.events * (1 - ticks.before_first_bar)
    return {
        "events_per_s": steady / (last - first),
        "cpu_us_event": meter.cpu_s("ours", first, last) * 1e6 / steady,
        "whole_events_per_s": ticks.events / (ended - began),
        "peak_mb": meter.peak_mb("ours"),
    }


def _bars(ticks: Ticks) -> int:
    """How many the flow will close."""
    return sum(len(ticks.expected_bars(interval_ns)) for interval_ns in INTERVALS.values())


def _await_bars(url: str, wanted: int) -> None:
    bus, deadline = open_bus(url), time.monotonic() + _PATIENCE_S
    try:
        while sum(bus.state("market.bars").end.values()) < wanted:
            if time.monotonic() > deadline:
                raise WrongAnswer(f"expected {wanted} bars, waited {_PATIENCE_S:g} s for them")
            time.sleep(0.01)
    finally:
        bus.close()
