"""The program: command line, settings, engine, telemetry. Knows everybody."""

from __future__ import annotations

__version__ = "0.1.0"
