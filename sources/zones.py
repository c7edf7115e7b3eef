"""Local times to UTC, whole columns at once, by the rules of the IANA time zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from schemas.errors import UsageError

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of a local clock
_BLOCK_S = 900
_NO_SUCH_TIME = np.iinfo(np.int64).min


def zone(name: str) -> tzinfo:
    """The zone of ``UTC``, ``America/New_York``, ``EST``, ``+05:30``.

    Raises:
        UsageError: there is no such zone.
    """
    if name.upper() in ("UTC", "Z", "GMT"):
        return UTC
    match = _OFFSET.fullmatch(name)
    if match and int(match[2]) < 24 and int(match[3]) < 60:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(offset if match[1] == "+" else -offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"--time-zone: expected a time zone, found {name!r}", hint="such as America/New_York, Europe/London, EST, UTC or +05:30"
        ) from None


def to_utc(local_s: Int64s, where: tzinfo) -> tuple[Int64s, Bools]:
    """UTC seconds of local seconds.

    A local time that comes twice, when clocks go back, is the first of the two; one that never comes is not there.

    Args:
        local_s: shape (n,): seconds since 1970-01-01 00:00 of the local clock, years 1 to 9999.

    Returns:
        shape (n,) UTC seconds and shape (n,) whether that local time exists.
    """
    if isinstance(where, timezone):
        return local_s - int(where.utcoffset(None).total_seconds()), np.ones(len(local_s), np.bool_)
    blocks, place = np.unique(local_s // _BLOCK_S, return_inverse=True)
    first = np.array([_offset_s(int(block) * _BLOCK_S, where) for block in blocks], np.int64)
    last = np.array([_offset_s(int(block) * _BLOCK_S + _BLOCK_S - 1, where) for block in blocks], np.int64)
    offset = first[place]
    for at in np.flatnonzero((first != last)[place]).tolist():
        offset[at] = _offset_s(int(local_s[at]), where)
    exists = offset != _NO_SUCH_TIME
    return np.where(exists, local_s - np.where(exists, offset, 0), local_s), exists


def _offset_s(local_s: int, where: tzinfo) -> int:
    """Seconds east of UTC at a local time, or _NO_SUCH_TIME."""
    local = _EPOCH + timedelta(seconds=local_s)
    try:
        offset = local.replace(tzinfo=where).utcoffset()
        utc = (local - (offset or timedelta(0))).replace(tzinfo=UTC)
        there = utc.astimezone(where).replace(tzinfo=None)
    except OverflowError:
        return 0
    return int((offset or timedelta(0)).total_seconds()) if there == local else _NO_SUCH_TIME
