"""How long one waits: for the help of the command line, and for the first output of a flow whose kernels have been compiled before.

::

    shell ──► trademaster --help ──► exit
    shell ──► trademaster run market ──► first mark of a tick that is already on the (embedded) bus
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks.live import market_flow
from benchmarks.options import Options
from benchmarks.places import embedded_place
from benchmarks.progress import note
from benchmarks.rows import Row

_TIMES = 7


def run(options: Options) -> Iterator[Row]:
    """The median of several times; one more comes first, so that caches are warm."""
    times = 1 if options.quick else _TIMES
    held = not options.quick
    helps = [_help_s() for _ in range(times + 1)][1:]
    yield Row("--help", _figures(helps), {"median_s": 0.3} if held else {})
    with embedded_place(None) as place:
        note("run market to its first mark")
        firsts = []
        for _ in range(times + 1):
            begin = time.monotonic()
            with market_flow(place):
                firsts.append(time.monotonic() - begin)
    yield Row("run market to the first mark", _figures(firsts[1:]), {"median_s": 2.0} if held else {})


def _figures(seconds: list[float]) -> dict[str, float]:
    return {"median_s": statistics.median(seconds), "best_s": min(seconds), "worst_s": max(seconds)}


def _help_s() -> float:
    with tempfile.TemporaryFile() as out:
        begin = time.monotonic()
        subprocess.run([sys.executable, "-m", "trademaster", "--help"], check=True, stdout=out, stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - begin
        out.seek(0)
        if b"run" not in out.read():
            raise RuntimeError("--help names no command")
        return seconds
