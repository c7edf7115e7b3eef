"""What a written time looks like: a pattern with named groups, made from strftime's letters or recognised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from schemas.errors import UsageError
from schemas.times import MAX_TIME_NS

Unit = Literal["ns", "us", "ms", "s"]

UNIT_NS: dict[str, int] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_ZONE = r"(?P<zone>[Zz]|UTC|GMT|[+-]\d\d:?\d\d)"

CALENDAR = re.compile(
    r"(?P<Y>\d{4})(?P<dash>[-/.]?)(?P<m>\d\d)(?P=dash)(?P<d>\d\d)"
    r"(?:[Tt _]?(?P<H>\d\d)(?P<colon>:?)(?P<M>\d\d)(?:(?P=colon)(?P<S>\d\d)(?:[.,]?(?P<f>\d{1,9}))?)?\s?" + _ZONE + r"?)?",
    re.ASCII,
)
"""Year, month, day, then perhaps a time of day and a zone: RFC 3339, ``20200101 170000065``, ``2012-06-21 09:30:00.017460000``."""

_LETTERS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d\d?)",
    "d": r"(?P<d>\d\d?)",
    "j": r"(?P<j>\d{1,3})",
    "H": r"(?P<H>\d\d?)",
    "I": r"(?P<I>\d\d?)",
    "M": r"(?P<M>\d\d?)",
    "S": r"(?P<S>\d\d?)",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp][Mm])",
    "b": r"(?P<b>[A-Za-z]{3,9})",
    "B": r"(?P<b>[A-Za-z]{3,9})",
    "a": r"[A-Za-z]{3,9}",
    "A": r"[A-Za-z]{3,9}",
    "z": _ZONE,
    "Z": _ZONE,
    "%": "%",
}
_SHORT = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "R": "%H:%M", "D": "%m/%d/%y"}


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """Either a count of units since 1970 or a calendar pattern."""

    unit: Unit | None = None
    pattern: re.Pattern[str] = CALENDAR


def parse_format(text: str) -> TimeFormat:
    """From ``--time-format``.

    Raises:
        UsageError: it is neither a unit, nor ``rfc3339``, nor strftime's with a whole date in it.
    """
    hint = "use ns, us, ms, s, rfc3339 or letters of strftime such as '%d/%m/%Y %H:%M:%S.%f'"
    if text in UNIT_NS:
        return TimeFormat(unit=text)  # type: ignore[arg-type]
    if text.casefold() in ("rfc3339", "iso", "iso8601"):
        return TimeFormat()
    if "%" not in text:
        raise UsageError(f"--time-format: expected a format of times, found {text!r}", hint=hint)
    for letter, long in _SHORT.items():
        text = text.replace(f"%{letter}", long)
    try:
        pattern = re.compile(_to_pattern(text), re.ASCII)
    except (KeyError, re.error) as error:
        raise UsageError(f"--time-format: {text!r} has a letter that is not known or stands twice ({error})", hint=hint) from None
    groups = pattern.groupindex
    if not ({"Y", "y"} & groups.keys() and ("j" in groups or ("d" in groups and {"m", "b"} & groups.keys()))):
        raise UsageError(f"--time-format: expected year, month and day in {text!r}", hint=hint)
    return TimeFormat(pattern=pattern)


def _to_pattern(text: str) -> str:
    parts: list[str] = []
    pieces = re.findall(r"%.|\s+|[^%\s]+|%$", text, re.DOTALL)
    for at, piece in enumerate(pieces):
        if piece[0] == "%" and len(piece) == 2:
            part = _LETTERS[piece[1]]
            beside = [near for near in (pieces[at - 1] if at else "", pieces[at + 1] if at + 1 < len(pieces) else "") if near[:1] == "%"]
            # Digits that touch other digits have all their places, else where one ends could not be known.
            parts.append(part.replace(r"\d\d?", r"\d\d").replace(r"\d{1,3}", r"\d{3}") if beside else part)
        else:
            parts.append(r"\s+" if piece.isspace() else re.escape(piece))
    return "".join(parts)


_LEAST_NS = 10**17
_WHOLE = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE]\+?\d{1,2})?", re.ASCII)


def recognise(text: str) -> TimeFormat | None:
    """The format of one written time; None: it looks like none.

    A number is seconds, milliseconds, microseconds or nanoseconds since 1970 by its size, from 1973 to 2199: in each unit those
    are other numbers. Eight or more digits that make no such time may be a date.
    """
    if _WHOLE.fullmatch(text):
        value = Decimal(text)
        for unit, unit_ns in UNIT_NS.items():
            if _LEAST_NS // unit_ns <= value < MAX_TIME_NS // unit_ns:
                return TimeFormat(unit=unit)  # type: ignore[arg-type]
    return TimeFormat() if CALENDAR.fullmatch(text) else None
