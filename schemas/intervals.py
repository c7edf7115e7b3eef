"""Intervals of bars that came from the wire, as the codes of a column.

A bar of ours has the place of its interval among those configured, 0 and above. One from the wire has -1 where it names none, else a
code below that, given to its text by this process: like the codes of symbols these may not leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord

NO_INTERVAL = -1

MAX_INTERVALS = 1_000
"""Bound of the table; a feed that makes up intervals without end is refused beyond it."""

MAX_INTERVAL_CHARS = 32

_codes: dict[str, int] = {}
_texts: list[str] = []
_lock = Lock()


def wire_interval(text: str | None) -> int:
    """The code of an interval's text, which is added if it is new.

    Raises:
        RejectedRecord: the text is longer than MAX_INTERVAL_CHARS, or one more than MAX_INTERVALS.
    """
    if not text:
        return NO_INTERVAL
    known = _codes.get(text)
    if known is not None:
        return known
    if len(text) > MAX_INTERVAL_CHARS:
        raise RejectedRecord(Reason.TOO_LARGE, f"expected an interval of at most {MAX_INTERVAL_CHARS} characters, found {len(text)}")
    with _lock:
        if text not in _codes:
            if len(_texts) >= MAX_INTERVALS:
                raise RejectedRecord(Reason.TOO_LARGE, f"expected at most {MAX_INTERVALS} different intervals, {text!r} is one more")
            _texts.append(text)
            _codes[text] = NO_INTERVAL - len(_texts)
        return _codes[text]


def interval_text(code: int, configured: Sequence[str]) -> str | None:
    """The text of a code; None where the bar named none.

    Args:
        configured: the intervals of bars of ours.
    """
    if code >= 0:
        return configured[code]
    return None if code == NO_INTERVAL else _texts[NO_INTERVAL - 1 - code]
