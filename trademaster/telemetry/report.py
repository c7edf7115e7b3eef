"""What a supervisor shows of its run: the page of metrics and the line of progress."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from trademaster.settings import Settings
from trademaster.telemetry.counters import Counters
from trademaster.telemetry.progress import Progress


class Report:
    """A context around the run. Enter it before the processes are started: they inherit where to count.

    Attributes:
        port: of the page of metrics; 0: there is none.
    """

    def __init__(self, counters: Counters, settings: Settings) -> None:
        self._counters = counters
        self._settings = settings
        self._closing = ExitStack()
        self._progress: Progress | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Raises UsageError: the port of the page is taken."""
        self._progress = Progress(self._counters.totals, self._settings.log.progress)
        self._closing.callback(self._progress.close)
        if self._settings.engine.metrics_port:
            with ExitStack() as undo:
                self._serve(undo)
                self._closing.push(undo.pop_all().__exit__)
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def tick(self) -> None:
        """Called several times a second."""
        if self._progress:
            self._progress.tick()

    def _serve(self, closing: ExitStack) -> None:
        # Imported here: a run without the page does not pay for the library, in memory or in time.
        from trademaster.telemetry.metrics import SHARED_VARIABLE, Page, shared_registry

        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="trademaster-metrics-", ignore_cleanup_errors=True))
        page = Page(shared_registry(Path(folder)), self._settings.engine.metrics_port)
        closing.callback(page.close)
        self.port = page.port
        before = os.environ.get(SHARED_VARIABLE)
        os.environ[SHARED_VARIABLE] = folder
        closing.callback(lambda: os.environ.update({SHARED_VARIABLE: before}) if before else os.environ.pop(SHARED_VARIABLE, None))
