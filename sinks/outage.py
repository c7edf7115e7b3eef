"""Waits for a store that is out of reach or full: said once when it begins and once when it is over."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from schemas.errors import StoreInterrupted

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

T = TypeVar("T")


class Outage:
    """Between two tries. One owner.

    Args:
        store: its name, for people.
        place: what is out of reach, without a password.
        stopping: ends the wait.
    """

    def __init__(self, store: str, place: str, stopping: threading.Event) -> None:
        self._store = store
        self._place = place
        self._stopping = stopping
        self._log: Any = structlog.get_logger()
        self._began_s: float | None = None
        self._pause_s = FIRST_PAUSE_S

    def until(self, action: Callable[[], T]) -> T:
        """What an action returns, tried until it raises no OSError.

        Raises:
            StoreInterrupted: the run shall stop, and the action still fails.
        """
        while True:
            try:
                result = action()
            except OSError as error:
                self.wait(str(error))
            else:
                self.over()
                return result

    def wait(self, why: str) -> None:
        """Wait before the next try.

        Raises:
            StoreInterrupted: the run shall stop.
        """
        if self._began_s is None:
            self._began_s = time.monotonic()
            self._log.warning(f"{self._store} out of reach", place=self._place, error=why, doing="waiting and trying again")
        pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - processes shall not all come back at once
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if self._stopping.wait(pause_s):
            raise StoreInterrupted(
                f"{self._store} out of reach until the run was told to stop: {self._place}: {why}", hint="the next run reads them again"
            )

    def over(self) -> None:
        """It worked."""
        if self._began_s is not None:
            self._log.info(f"{self._store} in reach again", place=self._place, after_s=round(time.monotonic() - self._began_s, 1))
            self._began_s, self._pause_s = None, FIRST_PAUSE_S
