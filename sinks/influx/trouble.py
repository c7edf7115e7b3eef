"""Tells people of a store that is out of reach: once when it begins, once when it is over."""

from __future__ import annotations

import threading
import time
from typing import Any

from sinks.influx.requests import Answer, Verdict

_SAME_S = 60.0
"""Trouble that comes back within this time is not told again, unless it lasts as long."""

_HINTS = {
    Verdict.LATER: "nothing is lost: the bus is not read meanwhile",
    Verdict.SETUP: "check influxdb.token, influxdb.org and influxdb.bucket, or make the bucket: trademaster setup influxdb",
}


class Trouble:
    """What is known of the store's health. Any thread may call it.

    Args:
        log: a logger of structlog.
        url: of the store, without secrets.
    """

    def __init__(self, log: Any, url: str) -> None:
        self._log = log
        self._url = url
        self._lock = threading.Lock()
        self._met: Verdict | None = None
        self._told: Verdict | None = None
        self._told_s: dict[Verdict, float] = {}
        self._began_s = 0.0

    def met(self, answer: Answer) -> None:
        """A request was not taken."""
        now = time.monotonic()
        with self._lock:
            if self._met is None:
                self._began_s = now
            self._met = answer.verdict
            if self._told is not answer.verdict and now - self._told_s.get(answer.verdict, -_SAME_S) >= _SAME_S:
                self._told, self._told_s[answer.verdict] = answer.verdict, now
                self._log.warning("InfluxDB does not take points", url=self._url, found=answer.text, hint=_HINTS[answer.verdict])

    def over(self) -> None:
        """A request was answered."""
        if self._met is None:
            return
        with self._lock:
            told, self._met, self._told = self._told, None, None
        if told:
            self._log.info("InfluxDB takes points again", url=self._url, after_s=round(time.monotonic() - self._began_s, 1))
