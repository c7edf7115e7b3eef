"""Moments as a person writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.errors import UsageError
from schemas.times import MAX_TIME_NS, MIN_TIME_NS, SECOND_NS, parse_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_moment(option: str, text: str | None, *, is_end: bool = False) -> int:
    """UTC ns of ``2026-01-02``, ``2026-01-02T15:04``, RFC 3339 or Unix nanoseconds; None: the beginning or the end of time.

    Raises:
        UsageError: it is none of these.
    """
    if text is None:
        return MAX_TIME_NS if is_end else MIN_TIME_NS
    try:
        return parse_time(int(text) if text.isdecimal() and len(text) > 8 else text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
        return parse_time(since // timedelta(microseconds=1) * (SECOND_NS // 1_000_000))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: expected a time, found {text!r}",
            hint="write 2026-01-02, 2026-01-02T15:04, 2026-01-02T15:04:05.5Z or Unix nanoseconds",
        ) from None
