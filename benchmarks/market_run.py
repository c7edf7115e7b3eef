"""The market flow run over a preloaded topic as a user would run it; bars checked, figures made."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.answers import INTERVALS, Output, check_bars, decode_bars
from benchmarks.measuring import Ran, run_metered
from benchmarks.places import Place
from benchmarks.progress import note
from benchmarks.ticks import Ticks

FORMS = {1: "a tick a message", 20: "arrays of 20"}
"""Ticks a message of the data sets, and how tables call that."""


def processes_of(per_message: int, *, quick: bool) -> tuple[int, ...]:
    """With how many processes a form is run; the smoke form has each of both once."""
    if quick:
        return (2,) if per_message == 1 else (1,)
    return (2, 1)


def market_command(
    place: Place,
    recovery: str,
    *,
    processes: int = 1,
    until_end: bool = False,
    sets: Sequence[str] = (),
    flows: Sequence[str] = ("market",),
) -> list[str]:
    """The command line of a run of the market flow, or of several."""
    arguments = ["run", *flows, "--bus", place.url, "--recovery", recovery, "--processes", str(processes), "--quiet"]
    end = ["--until-end"] if until_end else []
    return [sys.executable, "-m", "trademaster", *arguments, *end, *(word for each in sets for word in ("--set", each))]


def run_market(
    place: Place,
    ticks: Ticks,
    *,
    processes: int,
    intervals: Sequence[str] = tuple(INTERVALS),
    sets: Sequence[str] = (),
    timed_by: str = "market.bars",
) -> dict[str, float]:
    """Run to the end of the topic, check every bar, and say what it took.

    Args:
        place: where the ticks are.
        ticks: the data set.
        processes: of the run.
        intervals: those that ``sets`` give, or the defaults.
        sets: settings, as ``name=value``.
        timed_by: the topic of outputs from whose first to whose last record time is taken; that of bars, or of marks where bars are few.

    Raises:
        WrongAnswer: the bars are not those of the ticks.
    """
    note(f"market, {processes} processes, {ticks.name}")
    output, timed = Output(place.url, "market.bars"), Output(place.url, timed_by)
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        command = market_command(place, str(Path(folder) / "recovery"), processes=processes, until_end=True, sets=sets)
        ran = run_metered([command], broker=place.broker)
    check_bars(ticks, decode_bars(output.read()), intervals)
    return throughput(ticks, ran, timed.span(), before_first=ticks.before_first_bar if timed_by == "market.bars" else 0.0)


def throughput(ticks: Ticks, ran: Ran, span: tuple[float, float], *, before_first: float) -> dict[str, float]:
    """Figures of a run over a data set.

    Steady, if not ``whole``: over ``span``, from the first output to the last, without start-up and without the share of the ticks that
    had to come before a first output could be made. That holds for who writes a bar when it closes; a late ``first_output_s`` tells of who
    keeps outputs back, and whose steady figures flatter.
    """
    first, last = span
    steady = ticks.events * (1 - before_first)
    seconds = last - first
    micro = 1e6 / steady
    return {
        "events_per_s": steady / seconds if seconds > 0 else float("nan"),
        "cpu_us_event": ran.meter.cpu_s("ours", first, last) * micro,
        "broker_us_event": ran.meter.cpu_s("broker", first, last) * micro,
        "first_output_s": first - ran.begin,
        "whole_s": ran.end - ran.begin,
        "whole_events_per_s": ticks.events / (ran.end - ran.begin),
        "whole_cpu_us_event": ran.cpu_s * 1e6 / ticks.events,
        "peak_mb": ran.meter.peak_mb("ours"),
    }
