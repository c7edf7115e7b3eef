"""Waits for a database that is out of reach: said once when it begins and once when it is over."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import structlog

from schemas.errors import StoreInterrupted

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0


class Outage:
    """Between two tries.

    Args:
        place: what is out of reach, without a password.
        stopping: ends the wait.
    """

    def __init__(self, place: str, stopping: threading.Event) -> None:
        self._place = place
        self._stopping = stopping
        self._log: Any = structlog.get_logger()
        self._began_s: float | None = None
        self._pause_s = FIRST_PAUSE_S

    def wait(self, why: str) -> None:
        """Wait before the next try.

        Raises:
            StoreInterrupted: the run shall stop.
        """
        if self._began_s is None:
            self._began_s = time.monotonic()
            self._log.warning("records cannot be stored, trying again until they can", place=self._place, error=why)
        pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - processes shall not all come back at once
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if self._stopping.wait(pause_s):
            raise StoreInterrupted(f"the run stopped while records could not be stored: {why}", hint="the next run reads them again")

    def over(self) -> None:
        """It worked."""
        if self._began_s is not None:
            self._log.info("records are stored again", place=self._place, after_s=round(time.monotonic() - self._began_s, 1))
            self._began_s, self._pause_s = None, FIRST_PAUSE_S
