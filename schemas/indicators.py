"""What the signals flow says of each bar."""

from __future__ import annotations

from schemas.events import Payload, Time
from schemas.market import Symbol


class IndicatorUpdate(Payload, frozen=True):
    """INDICATOR_UPDATE on ``market.indicators``: the indicators of a symbol and interval as of a bar."""

    symbol: Symbol
    interval: str | None
    """As the bar says it; null where it says none."""
    end: Time
    """Of the bar."""
    values: dict[str, float | dict[str, float | None] | None]
    """By the configured text: a number, several by name, or null during warm-up and where the formula has no answer."""
