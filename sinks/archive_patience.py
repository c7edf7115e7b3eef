"""Trying again for ever while the archive's folder is out of reach or full, and saying so once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from schemas.errors import StoreInterrupted

FIRST_DELAY_S, LONGEST_DELAY_S = 0.05, 15.0

T = TypeVar("T")


class Patience:
    """Waits for a folder. One owner."""

    def __init__(self, url: str, stopping: threading.Event, log: Any = None) -> None:
        self._url = url
        self._stopping = stopping
        self.log = log or structlog.get_logger()

    def until(self, action: Callable[[], T]) -> T:
        """What an action returns, tried until it raises no OSError.

        Raises:
            StoreInterrupted: the run shall stop, and the action still fails.
        """
        delay_s, is_told = FIRST_DELAY_S, False
        while True:
            try:
                result = action()
            except OSError as error:
                if not is_told:
                    self.log.warning("archive out of reach", url=self._url, error=str(error), doing="waiting and trying again")
                    is_told = True
                if self._stopping.wait(delay_s * random.uniform(0.5, 1.0)):  # noqa: S311 - spreads tries, guards nothing
                    raise StoreInterrupted(f"the archive in {self._url} is out of reach: {error}") from None
                delay_s = min(2 * delay_s, LONGEST_DELAY_S)
            else:
                if is_told:
                    self.log.info("archive in reach again", url=self._url)
                return result
