"""The live line on a terminal: rate, lag, watermark, late, dead, summed over the processes of a run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from schemas.times import format_time
from trademaster.telemetry.counters import Totals
from trademaster.telemetry.logs import CLEAR_LINE

EVERY_S = 0.5
EVERY_LOGGED_S = 10.0
"""Where stderr is no terminal, each line stays."""


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
    """Writes the line whenever it is due; ``tick`` is called by whoever watches over the run.

    Args:
        totals: says where the run is; ``Counters.totals``.
        shown: ``on``, ``off``, or ``auto``: if stderr is a terminal.
        clock_s: monotonic seconds.
    """

    def __init__(
        self,
        totals: Callable[[], Totals],
        shown: str = "auto",
        *,
        stream: TextIO | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._totals = totals
        self._out = stream if stream is not None else sys.stderr
        self._terminal = self._out.isatty()
        self._shown = shown == "on" or (shown == "auto" and self._terminal)
        self._clock_s = clock_s
        self._first = self._before = totals()
        self._started_s = self._then_s = clock_s()

    def tick(self) -> None:
        """Write the line if it is old enough."""
        now_s = self._clock_s()
        if not self._shown or now_s - self._then_s < (EVERY_S if self._terminal else EVERY_LOGGED_S):
            return
        totals = self._totals()
        self._write(line(totals, self._before, now_s - self._then_s), end="" if self._terminal else "\n")
        self._before, self._then_s = totals, now_s

    def close(self) -> None:
        """The last line is of the whole run: its rate is the mean."""
        if self._shown:
            self._write(line(self._totals(), self._first, self._clock_s() - self._started_s), end="\n")
            self._shown = False

    def _write(self, text: str, *, end: str) -> None:
        self._out.write((CLEAR_LINE if self._terminal else "") + text + end)
        self._out.flush()
