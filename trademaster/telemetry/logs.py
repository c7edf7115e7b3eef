"""Structured logs on stderr: lifecycle and failures, never each event."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog

CLEAR_LINE = "\r\x1b[2K"
"""Takes the line of progress away before a log line is written over it."""


def configure_logs(log: Mapping[str, str], *, stream: TextIO | None = None) -> Any:
    """Say how and what this process logs; its logger, to which fields can be bound (``.bind(process=1)``).

    Args:
        log: section ``log`` of the settings. ``format`` ``auto`` is text on a terminal, else a JSON object a line.
        stream: stderr, unless a test reads it.
    """
    level, form = log["level"], log["format"]
    out = stream if stream is not None else sys.stderr
    terminal = out.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    last: list[Any] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=str)] if as_json else [_Text(terminal)]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger()


class _Text:
    """One line for a person: time, level, what happened, and the fields. A traceback, if any, follows."""

    def __init__(self, terminal: bool) -> None:
        self._prefix = CLEAR_LINE if terminal else ""
        self._with_traceback = structlog.processors.ExceptionRenderer()

    def __call__(self, _logger: Any, method: str, event: Any) -> str:
        event = self._with_traceback(_logger, method, event)
        traceback = event.pop("exception", "")
        head = f"{event.pop('time', '')[11:19]} {event.pop('level', method):<7} {event.pop('event', '')}"
        fields = " ".join(f"{name}={value}" for name, value in event.items())
        return self._prefix + f"{head}  {fields}".rstrip() + (f"\n{traceback}" if traceback else "")
