"""Lengths of time as a person writes them: ``250ms``, ``4s``, ``1m``; integer nanoseconds inside."""

from __future__ import annotations

import re

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}

MAX_DURATION_NS = 36_500 * _UNITS_NS["d"]
"""A hundred years: longer is a slip of the pen, and near the end of int64."""

_DURATION = re.compile(r"(\d{1,19})(?:\.(\d{1,9}))?\s?(ns|us|ms|s|m|h|d)", re.ASCII)


def parse_duration(text: str) -> int:
    """Nanoseconds of a text such as ``250ms``, ``1.5s`` or ``30d``; the units are ns, us, ms, s, m, h, d.

    Raises:
        ValueError: it has no number or no unit, is longer than MAX_DURATION_NS, or is no whole number of nanoseconds.
    """
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a duration such as 250ms, 4s or 1m (units: {', '.join(_UNITS_NS)}), found {text!r}")
    whole, fraction, unit = match.groups()
    scale: int = 10 ** len(fraction or "")
    duration_ns, rest = divmod(int(whole + (fraction or "")) * _UNITS_NS[unit], scale)
    if rest:
        raise ValueError(f"expected a whole number of nanoseconds, found {text!r}")
    if duration_ns > MAX_DURATION_NS:
        raise ValueError(f"expected at most 36500d, found {text!r}")
    return duration_ns


def format_duration(duration_ns: int) -> str:
    """The shortest exact text, in the largest unit that divides it: ``60_000_000_000`` is ``1m``."""
    if not duration_ns:
        return "0s"
    unit = next(unit for unit in reversed(_UNITS_NS) if duration_ns % _UNITS_NS[unit] == 0)
    return f"{duration_ns // _UNITS_NS[unit]}{unit}"
