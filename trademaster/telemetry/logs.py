"""Structured logs on stderr: lifecycle and failures, never each event."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, TextIO

import structlog

CLEAR_LINE = "\r\x1b[2K"
"""Takes the line of progress away before a log line is written over it."""


def configure_logs(
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["auto", "json", "text"] = "auto",
    *,
    stream: TextIO | None = None,
    **always: Any,
) -> None:
    """Say how and what is logged by this process.

    Args:
        form: ``auto`` is text on a terminal, else a JSON object a line.
        stream: stderr, unless a test reads it.
        always: fields of every line, such as ``process=1``.
    """
    out = stream if stream is not None else sys.stderr
    terminal = out.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    last: list[Any] = [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=str)] if as_json else [_Text(terminal)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**always)


def logger(name: str) -> Any:
    """A logger; ``name`` is the part of the program that speaks."""
    return structlog.get_logger().bind(part=name)


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
