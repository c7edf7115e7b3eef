"""What a long run is doing, on stderr, so that stdout holds results only."""

from __future__ import annotations

import sys
import time

_STARTED = time.monotonic()


def note(text: str) -> None:
    """One line with the time since the start."""
    print(f"{time.monotonic() - _STARTED:7.1f} s  {text}", file=sys.stderr, flush=True)
