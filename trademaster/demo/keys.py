"""Keys pressed while the screen is shown, one at a time and without Enter."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable, Iterator

PressedKey = Callable[[], str]
"""A key that was pressed since it was last asked, or an empty text."""


@contextlib.contextmanager
def pressed_keys() -> Iterator[PressedKey]:
    """Reads keys of a terminal at once, as long as it is open; elsewhere none is ever pressed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield lambda: ""
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield lambda: os.read(number, 1).decode("ascii", "replace") if select.select([number], [], [], 0)[0] else ""
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
