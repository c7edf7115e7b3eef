"""The live line on a terminal: rate, lag, watermark, late, dead, summed over the processes of a run."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from schemas.times import format_time
from trademaster.telemetry.counters import Totals
from trademaster.telemetry.logs import CLEAR_LINE

EVERY_S = 0.5


def line(now: Totals, before: Totals, elapsed_s: float) -> str:
    """The text of the line."""
    rate = (now.events_in - before.events_in) / elapsed_s if elapsed_s > 0 else 0.0
    watermark = format_time(now.watermark_ns)[:23].replace("T", " ") if now.watermark_ns else "-"
    parts = [
        f"{short(rate)}/s",
        f"in {short(now.events_in)}",
        f"out {short(now.events_out)}",
        f"lag {short(now.lag)}",
        f"watermark {watermark}",
        f"late {short(now.late)}",
        f"dead {short(now.dead_letters)}",
    ]
    return "  ".join(parts)


def short(number: float) -> str:
    """Three digits and a unit: 1234567 is ``1.23M``. Below 1,000 the number itself."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            return f"{number / size:.3g}{unit}" if number < size * 999.5 else f"{number / size:.0f}{unit}"
    return f"{number:.0f}"


class Progress:
    """Writes the line again and again from a thread; use as a context.

    Args:
        totals: says where the run is; ``Counters.totals``.
        shown: False: nothing is ever written; None: shown if stderr is a terminal.
    """

    def __init__(self, totals: Callable[[], Totals], *, shown: bool | None = None, stream: TextIO | None = None) -> None:
        self._totals = totals
        self._out = stream if stream is not None else sys.stderr
        self._terminal = self._out.isatty()
        self.shown = self._terminal if shown is None else shown
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        if self.shown:
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self.shown:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        started = then = time.monotonic()
        first = before = self._totals()
        while not self._stop.wait(EVERY_S):
            now, totals = time.monotonic(), self._totals()
            self._write(line(totals, before, now - then), last=False)
            then, before = now, totals
        # The last line is of the whole run: its rate is the mean.
        self._write(line(self._totals(), first, time.monotonic() - started), last=True)

    def _write(self, text: str, *, last: bool) -> None:
        if self._terminal:
            self._out.write(CLEAR_LINE + text + ("\n" if last else ""))
        else:
            self._out.write(text + "\n")
        self._out.flush()
