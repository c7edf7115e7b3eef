"""Event times: int64 UTC nanoseconds inside, RFC 3339 with nanoseconds on the wire of an envelope.

JavaScript's numbers lose nanoseconds after 2**53, therefore the text; both forms are accepted from outside.
"""

from __future__ import annotations

import re
from calendar import timegm
from functools import lru_cache
from time import gmtime, strftime

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS

MIN_TIME_NS = 0
"""1970-01-01: the earliest event time."""
MAX_TIME_NS = 7_258_118_400 * SECOND_NS
"""2200-01-01, exclusive. One tick from the year 9999 would close every bar there will ever be, so such a time is refused."""
END_OF_TIME_NS = 2**63 - 1
"""The watermark after the last record of a file."""

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII)


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def format_time(time_ns: int) -> str:
    """RFC 3339 in UTC with nine decimals: ``2026-01-02T15:04:05.123456789Z``."""
    second, fraction = divmod(time_ns, SECOND_NS)
    return f"{_second_text(second)}.{fraction:09d}Z"


def parse_time(value: int | str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text (a zone is required) or of an integer that already is that.

    Raises:
        ValueError: it is neither, or lies outside [MIN_TIME_NS, MAX_TIME_NS).
    """
    if isinstance(value, bool):
        raise ValueError("expected a time as RFC 3339 text or integer nanoseconds, found a boolean")
    time_ns = value if isinstance(value, int) else _parse_rfc3339(value)
    if not MIN_TIME_NS <= time_ns < MAX_TIME_NS:
        raise ValueError(f"expected a time from 1970 to 2199, found {value!r} (integers are nanoseconds)")
    return time_ns


@lru_cache(maxsize=1 << 16)
def _parse_rfc3339(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if not match:
        raise ValueError(f"expected a time such as 2026-01-02T15:04:05.123456789Z, found {text!r}")
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    seconds = timegm((year, month, day, hour, minute, second))
    if gmtime(seconds)[:6] != (year, month, day, hour, minute, second):
        raise ValueError(f"expected a date and time that exist, found {text!r}")
    if match.group(9):
        offset = int(match.group(10)) * 3600 + int(match.group(11)) * 60
        seconds += -offset if match.group(9) == "+" else offset
    return seconds * SECOND_NS + int((match.group(7) or "0").ljust(9, "0"))
