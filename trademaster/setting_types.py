"""How settings are read that are lists, or ``off``."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BeforeValidator

from trademaster.duration_settings import PositiveDuration


def off_is_none(value: Any) -> Any:
    """``off`` and nothing become None."""
    return None if isinstance(value, str) and value.strip().lower() in {"off", ""} else value


def listed(value: Any) -> Any:
    """A comma list or JSON becomes a list."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    return json.loads(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]


Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]
DurationOrOff = Annotated[PositiveDuration | None, BeforeValidator(off_is_none)]
